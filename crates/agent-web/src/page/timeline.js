
// The page around this frame says when there is more to draw.

/** What is asked for now, and whether to ask again after that. */
const asking = { isOn: false, again: false };

/** What the service says if there is no timeline: `{"error": …}`, or a sentence of a server in front. */
function sayWhy(text) {
  try {
    return JSON.parse(text).error;
  } catch {
    return text || "The service has no timeline of this session.";
  }
}

/** Draws the timeline again, with what has happened since. */
async function refresh() {
  asking.again = asking.isOn;
  if (asking.isOn) return;
  asking.isOn = true;
  try {
    const answer = await fetch(`${location.pathname}/model`);
    const text = await answer.text();
    if (answer.ok) page.draw(JSON.parse(text));
    else document.getElementById("summaries").textContent = sayWhy(text);
  } catch {
    // The page around this one says that the connection is lost.
  }
  asking.isOn = false;
  if (asking.again) refresh();
}

refresh();
