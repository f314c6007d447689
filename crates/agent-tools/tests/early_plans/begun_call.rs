//! The call of a plan from the start of its first step: it is counted, and can be stopped by its key.

use agent_core::{Cancel, Limits, budget::Budget, tool::Early};
use agent_tools::PlanTool;
use insta::assert_snapshot;

use crate::{Count, builder, each, model, ms, reply_of, step, steps, team, told};

#[tokio::test(start_paused = true)]
async fn a_plan_with_few_calls_left_has_the_same_results_whenever_its_steps_start() {
    let pieces = steps(["a", "b", "c", "d"].map(|id| step(id, "look", 0, "")));
    for most in 0..6 {
        for limits in
            [Limits::default().calls(most), Limits::default().budget(Budget::new().calls(most.into()))]
        {
            let run = async |early| {
                let builder = builder(model([reply_of(&pieces)]), &Count::default()).early(early);
                told(&team(builder.tool(PlanTool::new())).with_limits(limits.clone()), &Cancel::new()).await
            };
            let (_, late) = run(Early::Never).await;
            for early in [Early::ReadOnly, Early::All] {
                let (lines, conversation) = run(early).await;
                assert_eq!(conversation, late, "{most}\n{lines}");
                assert_eq!(lines.contains("(plan p starts)"), most > 0, "{lines}");
            }
        }
    }
}

/// The events of a run in which the call with this key is stopped after 280 ms.
async fn stopped(key: &'static str) -> String {
    let items = each("[1, 2]", false).replace("150", "5000");
    let [b, c] = ["b", "c"].map(|id| step(id, "look", 0, ""));
    let pieces = steps([items, step("a", "look", 0, ""), b, c]);
    let (count, cancel) = (Count::default(), Cancel::new());
    let team = team(builder(model([reply_of(&pieces)]), &count).tool(PlanTool::new()));
    let later = cancel.clone();
    let is_stopped = tokio::spawn(async move {
        tokio::time::sleep(ms(280)).await;
        later.call(key)
    });
    let (lines, _) = told(&team, &cancel).await;
    assert!(is_stopped.await.unwrap(), "{key} can be stopped\n{lines}");
    lines
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_stopped_by_its_key_while_it_streams() {
    assert_snapshot!(stopped("run/p").await, @r#"
    0.200 s  main: (plan p starts)
    0.200 s    main: > look {"say": {"$item": ""}, "ms": 5000, "fail": false}
    0.200 s      main: > look {"say":1,"ms":5000,"fail":false}
    0.200 s      main: > look {"say":2,"ms":5000,"fail":false}
    0.280 s      main: < look failed: cancelled
    0.280 s      main: < look failed: cancelled
    0.500 s  main: (the reply has ended)
    0.500 s  main: > plan {"steps": [{"id": "each", "tool": "look", "for_each": [1, 2], "input": {"s…
    0.500 s    main: < look failed: stopped: its plan is not carried out
    0.500 s  main: < plan failed: cancelled
    0.500 s  main: (the reply has ended)
    0.500 s  main: answers: Done.
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_step_for_items_is_stopped_by_its_key_while_its_plan_streams() {
    assert_snapshot!(stopped("run/p/each").await, @r#"
    0.200 s  main: (plan p starts)
    0.200 s    main: > look {"say": {"$item": ""}, "ms": 5000, "fail": false}
    0.200 s      main: > look {"say":1,"ms":5000,"fail":false}
    0.200 s      main: > look {"say":2,"ms":5000,"fail":false}
    0.280 s      main: < look failed: cancelled
    0.280 s      main: < look failed: cancelled
    0.300 s    main: > look {"say": "a", "ms": 0}
    0.300 s    main: < look = a
    0.400 s    main: > look {"say": "b", "ms": 0}
    0.400 s    main: < look = b
    0.500 s  main: (the reply has ended)
    0.500 s  main: > plan {"steps": [{"id": "each", "tool": "look", "for_each": [1, 2], "input": {"s…
    0.500 s    main: > look {"say": "c", "ms": 0}
    0.500 s    main: < look = c
    0.500 s      main: answers: [{"error":"cancelled"},{"error":"cancelled"}]
    0.500 s    main: < look failed: [{"error":"cancelled"},{"error":"cancelled"}]
    0.500 s    main: answers: {"each":{"error":"step \"each\" failed: [{\"error\":\"cancelled\"},{\"…
    0.500 s  main: < plan = {"each":{"error":"step \"each\" failed: [{\"error\":\"cancelled\"},{\"er…
    0.500 s  main: (the reply has ended)
    0.500 s  main: answers: Done.
    "#);
}

#[tokio::test(start_paused = true)]
async fn one_item_is_stopped_by_its_key_while_its_plan_streams() {
    assert_snapshot!(stopped("run/p/each/0").await, @r#"
    0.200 s  main: (plan p starts)
    0.200 s    main: > look {"say": {"$item": ""}, "ms": 5000, "fail": false}
    0.200 s      main: > look {"say":1,"ms":5000,"fail":false}
    0.200 s      main: > look {"say":2,"ms":5000,"fail":false}
    0.280 s      main: < look failed: cancelled
    0.300 s    main: > look {"say": "a", "ms": 0}
    0.300 s    main: < look = a
    0.400 s    main: > look {"say": "b", "ms": 0}
    0.400 s    main: < look = b
    0.500 s  main: (the reply has ended)
    0.500 s  main: > plan {"steps": [{"id": "each", "tool": "look", "for_each": [1, 2], "input": {"s…
    0.500 s    main: > look {"say": "c", "ms": 0}
    0.500 s    main: < look = c
    5.200 s      main: < look = 2
    5.200 s      main: answers: [{"error":"cancelled"},2]
    5.200 s    main: < look = [{"error":"cancelled"},2]
    5.200 s    main: answers: {"each":[{"error":"cancelled"},2],"a":"a","b":"b","c":"c"}
    5.200 s  main: < plan = {"each":[{"error":"cancelled"},2],"a":"a","b":"b","c":"c"}
    5.200 s  main: (the reply has ended)
    5.200 s  main: answers: Done.
    "#);
}
