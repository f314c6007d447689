//! Plans that are over before they begin: refused ones, and those that have enough at once.

use insta::assert_snapshot;

use crate::{each, reply_of, step, steps, told_only};

#[tokio::test(start_paused = true)]
async fn a_step_whose_id_is_repeated_while_it_runs_ends_like_any_other() {
    let [b, c, d] = ["b", "c", "d"].map(|id| step(id, "look", 0, ""));
    for first in [step("a", "look", 150, ""), each("[1, 2]", false).replace(r#""each""#, r#""a""#)] {
        let pieces = steps([first, step("a", "look", 0, ""), b.clone(), c.clone(), d.clone()]);
        let told = told_only(vec![reply_of(&pieces)]).await;
        let refused = r#"< p failed: the plan is not carried out: two steps have the id "a""#;
        assert!(told.contains(refused) && !told.contains("panicked"), "{told}");
    }
}

/// A step that has its result as soon as its plan begins, because it is made for no item.
fn of_no_items(id: &str) -> String {
    format!(r#"{{"id": "{id}", "tool": "look", "for_each": [], "input": {{}}}}"#)
}

#[tokio::test(start_paused = true)]
async fn early_steps_of_a_plan_that_has_enough_before_its_first_turn_are_stopped() {
    let after = r#"{"after": ["none"], "id""#;
    let items = each("[1, 2]", false).replace("150", "5000").replace("{\"id\"", after);
    let pieces = [
        format!(r#"{{"steps": [{},{items}"#, step("b", "look", 5_000, r#", "after": ["none"]"#)),
        format!(",{},{}", of_no_items("none"), of_no_items("last")),
        r#"], "enough": 1"#.to_owned(),
        "}".to_owned(),
    ];
    assert_snapshot!(told_only(vec![reply_of(&pieces)]).await, @r#"
       0.200 s  main: (plan p starts)
       0.200 s    main: > look {"say": {"$item": ""}, "ms": 5000, "fail": false}
       0.200 s    main: > look {"say": "b", "ms": 5000}
       0.200 s      main: > look {"say":1,"ms":5000,"fail":false}
       0.200 s      main: > look {"say":2,"ms":5000,"fail":false}
       0.400 s  main: (the reply has ended)
       0.400 s  main: > plan {"steps": [{"id": "b", "tool": "look", "input": {"say": "b", "ms": 5000}, …
       0.400 s      main: < look failed: stopped: its plan does not need it
       0.400 s      main: < look failed: stopped: its plan does not need it
       0.400 s    main: < look failed: stopped: its plan does not need it
       0.400 s    main: < look failed: stopped: its plan does not need it
       0.400 s    main: answers: {"none":[],"last":[]}
       0.400 s  main: < plan = {"none":[],"last":[]}
       0.400 s  main: (the reply has ended)
       0.400 s  main: answers: Done.
    [3 made, 0 ended]
    user: Go.
      > p plan {"steps": [{"id": "b", "tool": "look", "input": {"say": "b", "ms": 5000}, "after": ["none"]},{"after": ["none"], "id": "each", "tool": "look", "for_each": [1, 2], "input": {"say": {"$item": ""}, "ms": 5000, "fail": false}},{"id": "none", "tool": "look", "for_each": [], "input": {}},{"id": "last", "tool": "look", "for_each": [], "input": {}}], "enough": 1}
      < p = {"none":[],"last":[]}
    main: Done.
    "#);
}

#[tokio::test(start_paused = true)]
async fn early_items_are_stopped_if_their_plan_has_enough_before_their_first_turn() {
    let items = each("[1, 2]", false).replace("150", "5000");
    let pieces = [
        format!(r#"{{"enough": 1, "steps": [{},{items},"#, step("a", "look", 50, "")),
        step("c", "look", 5_000, ""),
        "]".to_owned(),
        "}".to_owned(),
    ];
    assert_snapshot!(told_only(vec![reply_of(&pieces)]).await, @r#"
       0.100 s  main: (plan p starts)
       0.100 s    main: > look {"say": {"$item": ""}, "ms": 5000, "fail": false}
       0.100 s    main: > look {"say": "a", "ms": 50}
       0.100 s      main: > look {"say":1,"ms":5000,"fail":false}
       0.100 s      main: > look {"say":2,"ms":5000,"fail":false}
       0.150 s    main: < look = a
       0.300 s    main: > look {"say": "c", "ms": 5000}
       0.400 s  main: (the reply has ended)
       0.400 s  main: > plan {"enough": 1, "steps": [{"id": "a", "tool": "look", "input": {"say": "a", …
       0.400 s      main: < look failed: stopped: its plan does not need it
       0.400 s      main: < look failed: stopped: its plan does not need it
       0.400 s      main: ends: it was cancelled
       0.400 s    main: < look failed: main stopped: it was cancelled\nIts calls so far:\n- look {"say"…
       0.400 s    main: < look failed: cancelled
       0.400 s    main: answers: a\nStep "each" was stopped: main stopped: it was cancelled\nIts calls …
       0.400 s  main: < plan = a\nStep "each" was stopped: main stopped: it was cancelled\nIts calls so…
       0.400 s  main: (the reply has ended)
       0.400 s  main: answers: Done.
    [4 made, 1 ended]
    user: Go.
      > p plan {"enough": 1, "steps": [{"id": "a", "tool": "look", "input": {"say": "a", "ms": 50}},{"id": "each", "tool": "look", "for_each": [1, 2], "input": {"say": {"$item": ""}, "ms": 5000, "fail": false}},{"id": "c", "tool": "look", "input": {"say": "c", "ms": 5000}}]}
      < p = a
      | Step "each" was stopped: main stopped: it was cancelled
      | Its calls so far:
      | - look {"say":1,"ms":5000,"fail":false}: no result: not made, or stopped on its way
      | - look {"say":2,"ms":5000,"fail":false}: no result: not made, or stopped on its way
      | Step "c" was stopped: cancelled
    main: Done.
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_waits_for_a_person_ends_when_its_plan_has_enough() {
    let ask = || step("ask", "ask", 0, "");
    let (look, act) = (step("a", "look", 150, ""), step("a", "act", 0, ""));
    // The question comes before the plan has enough, or at the same time.
    for [first, second] in [[ask(), look], [act, ask()]] {
        let pieces = [format!(r#"{{"enough": 1, "steps": [{first},"#), second, "]}".to_owned()];
        let told = told_only(vec![reply_of(&pieces)]).await;
        let asked = told.find("? May \"ask\" be called").unwrap_or_else(|| panic!("it asks\n{told}"));
        let ended = told.find("< ask failed: not needed: the plan had ended");
        assert!(ended.is_some_and(|ended| asked < ended), "{told}");
        assert_eq!(told.matches("< ask").count(), 1, "{told}");
    }
}
