
// The page around this frame says when there is more to draw.

/** What is asked for now, and whether to ask again after that. */
const asking = { isOn: false, again: false };

/** Draws the timeline again, with what has happened since. */
async function refresh() {
  asking.again = asking.isOn;
  if (asking.isOn) return;
  asking.isOn = true;
  try {
    const answer = await fetch(`${location.pathname}/model`);
    if (answer.ok) page.draw(await answer.json());
  } catch {
    // The page around this one says that the connection is lost.
  }
  asking.isOn = false;
  if (asking.again) refresh();
}

refresh();
