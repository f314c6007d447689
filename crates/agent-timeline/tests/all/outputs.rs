//! The timeline for other programs: SVG, Chrome's trace format, JSON, HTML.

use agent_timeline::{Comparison, Timeline};
use insta::assert_snapshot;
use serde_json::Value;

use crate::script::events;

const SCRIPT: &str = r#"
    0 run main turn_started
    300 run main delta text I look.
    500 run main turn_ended 10 20
    500 run main call_started look
    500 run main call_could_start_earlier {"id": "look", "tool": "look", "by_ms": 100}
    500 run main call_queued read permit
    800 run main call_ended look 1
    800 run main call_started read
    900 run main call_ended read 2
    900 run main turn_started
    1000 run main turn_ended 3 4
    1000 run main ended Done.
"#;

/// Markup, quotes, line separators, control characters and characters that change the reading
/// direction.
const HOSTILE: &str = "</script><script>alert(1)</script><!--]]>&amp;\"'`\u{2028}\u{202e}\u{1b}[2J\0<img src=x onerror=alert(1)>";

#[test]
fn a_picture_has_a_box_for_each_segment_and_a_line_for_the_critical_path() {
    let svg = Timeline::new(&events(SCRIPT)).to_svg();
    let body = svg.split("</defs>\n").nth(1).unwrap();
    assert_snapshot!(body, @r#"
    <rect class="page" x="0.5" y="0.5" width="799" height="157" rx="8"/>
    <rect class="grid" x="150.0" y="58.0" width="1" height="72.0"/>
    <rect class="grid" x="275.2" y="58.0" width="1" height="72.0"/>
    <rect class="grid" x="400.4" y="58.0" width="1" height="72.0"/>
    <rect class="grid" x="525.6" y="58.0" width="1" height="72.0"/>
    <rect class="grid" x="650.8" y="58.0" width="1" height="72.0"/>
    <rect class="grid" x="776.0" y="58.0" width="1" height="72.0"/>
    <rect class="first_token" x="24.0" y="17.0" width="22.0" height="12.0"/>
    <text class="small" x="52.0" y="27.0">waits for the first token</text>
    <rect class="streaming" x="235.0" y="17.0" width="22.0" height="12.0"/>
    <text class="small" x="263.0" y="27.0">model writes</text>
    <rect class="running" x="360.2" y="17.0" width="22.0" height="12.0"/>
    <text class="small" x="388.2" y="27.0">tool runs</text>
    <rect class="permit" x="465.6" y="17.0" width="22.0" height="12.0"/>
    <text class="small" x="493.6" y="27.0">waits for a permit</text>
    <rect class="path" x="630.4" y="22.0" width="22.0" height="2.5"/>
    <text class="small" x="658.4" y="27.0">critical path</text>
    <rect class="could" x="24.0" y="37.0" width="22.0" height="12.0"/>
    <text class="small" x="52.0" y="47.0">could run here, if read_only</text>
    <text class="agent" x="24.0" y="74.0">main</text>
    <text class="tool" x="36.0" y="96.0">look</text>
    <text class="tool" x="36.0" y="118.0">read</text>
    <rect class="delegated" x="150.0" y="68.0" width="626.0" height="3.0"><title>main: 1 s</title></rect>
    <rect class="first_token" x="150.0" y="62.0" width="187.0" height="15.0"><title>main: waits for the first token 300 ms</title></rect>
    <rect class="streaming" x="337.8" y="62.0" width="124.4" height="15.0"><title>main: model writes 200 ms</title></rect>
    <rect class="could" x="400.4" y="86.0" width="62.6" height="11.0"/>
    <rect class="running" x="463.0" y="84.0" width="187.0" height="15.0"><title>look: tool runs 300 ms</title></rect>
    <rect class="permit" x="463.0" y="106.0" width="187.0" height="15.0"><title>read: waits for a permit 300 ms</title></rect>
    <rect class="running" x="650.8" y="106.0" width="61.8" height="15.0"><title>read: tool runs 100 ms</title></rect>
    <rect class="first_token" x="713.4" y="62.0" width="61.8" height="15.0"><title>main: waits for the first token 100 ms</title></rect>
    <rect class="path" x="150.0" y="78.0" width="187.8" height="2.5"/>
    <rect class="path" x="337.8" y="78.0" width="125.2" height="2.5"/>
    <rect class="path" x="463.0" y="122.0" width="187.8" height="2.5"/>
    <rect class="path" x="462.4" y="78.0" width="1.2" height="46.5"/>
    <rect class="path" x="650.8" y="122.0" width="62.6" height="2.5"/>
    <rect class="path" x="713.4" y="78.0" width="62.6" height="2.5"/>
    <rect class="path" x="712.8" y="78.0" width="1.2" height="46.5"/>
    <text class="small middle" x="150.0" y="145.0">0 s</text>
    <text class="small middle" x="275.2" y="145.0">200 ms</text>
    <text class="small middle" x="400.4" y="145.0">400 ms</text>
    <text class="small middle" x="525.6" y="145.0">600 ms</text>
    <text class="small middle" x="650.8" y="145.0">800 ms</text>
    <text class="small middle" x="776.0" y="145.0">1 s</text>
    </svg>
    "#);
}

#[test]
fn a_trace_has_a_thread_for_each_lane_and_arrows_from_turns_to_calls() {
    let trace = Timeline::new(&events(SCRIPT)).to_chrome_trace();
    let trace: Value = serde_json::from_str(&trace).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let line = |event: &Value| {
        let text =
            |key: &str| event[key].as_str().map(str::to_owned).unwrap_or_else(|| event[key].to_string());
        let named =
            if event["ph"] == "M" { event["args"].to_string() } else { text("ts") + "+" + &text("dur") };
        format!("{} {} {} {named}\n", text("ph"), text("tid"), text("name"))
    };
    assert_snapshot!(events.iter().map(line).collect::<String>(), @r#"
    M null process_name {"name":"run"}
    M 1 thread_name {"name":"main"}
    M 1 thread_sort_index {"sort_index":0}
    M 2 thread_name {"name":"  look"}
    M 2 thread_sort_index {"sort_index":1}
    M 3 thread_name {"name":"  read"}
    M 3 thread_sort_index {"sort_index":2}
    X 1 main 0.0+1000000.0
    X 1 main 0.0+500000.0
    X 1 waits for the first token 0.0+300000.0
    X 1 model writes 300000.0+200000.0
    X 2 look 500000.0+300000.0
    X 2 tool runs 500000.0+300000.0
    s 1 call 499999.0+null
    f 2 call 500000.0+null
    X 3 read 500000.0+400000.0
    X 3 waits for a permit 500000.0+300000.0
    X 3 tool runs 800000.0+100000.0
    s 1 call 499999.0+null
    f 3 call 500000.0+null
    X 1 main 900000.0+100000.0
    X 1 waits for the first token 900000.0+100000.0
    "#);
}

#[test]
fn the_data_says_all_of_a_bar() {
    let timeline = Timeline::new(&events(SCRIPT));
    let model: Value = serde_json::from_str(&timeline.to_json()).unwrap();
    assert_snapshot!(serde_json::to_string_pretty(&model["bars"][2]).unwrap(), @r#"
    {
      "agent": "main",
      "answered": "1",
      "asked": "{\"of\":\"look\"}",
      "conversation": "run",
      "could_start_ms": 400.0,
      "end_ms": 800.0,
      "id": "run/look",
      "is_failed": false,
      "is_open": false,
      "kind": "call",
      "label": "look",
      "lane": 1,
      "parent": 0,
      "segments": [
        {
          "end_ms": 800.0,
          "start_ms": 500.0,
          "state": "running"
        }
      ],
      "start_ms": 500.0,
      "tool": "look",
      "turn": 1
    }
    "#);
    assert_snapshot!(serde_json::to_string_pretty(&model["lanes"]).unwrap(), @r#"
    [
      {
        "depth": 0,
        "is_agent": true,
        "label": "main"
      },
      {
        "depth": 1,
        "is_agent": false,
        "label": "look",
        "parent": 0
      },
      {
        "depth": 1,
        "is_agent": false,
        "label": "read",
        "parent": 0
      }
    ]
    "#);
    let bare: Value = serde_json::from_str(&timeline.without_texts().to_json()).unwrap();
    assert_eq!((&bare["bars"][2]["asked"], &bare["bars"][2]["label"]), (&Value::Null, &"look".into()));
}

/// Events in which each text is hostile.
fn hostile() -> Timeline {
    let mut events = events(SCRIPT);
    let hostile = serde_json::to_string(HOSTILE).unwrap();
    for event in &mut events {
        let json = serde_json::to_string(event).unwrap();
        let json = json.replace(r#""main""#, &hostile).replace(r#""look""#, &hostile);
        let json = json.replace(r#""Done.""#, &hostile).replace(r#""run""#, &hostile);
        *event = serde_json::from_str(&json).unwrap();
    }
    Timeline::new(&events)
}

#[test]
fn hostile_text_is_no_markup() {
    let timeline = hostile();
    assert!(timeline.bars().iter().any(|bar| bar.label == HOSTILE));
    let page = Comparison::new((HOSTILE, &timeline), ("b", &timeline)).to_html();
    let plain = Timeline::new(&events(SCRIPT)).to_html();
    for markup in ["<script", "</script", "<!--", "<img"] {
        assert_eq!(page.matches(markup).count(), plain.matches(markup).count(), "{markup}");
    }
    let odd = |character: &char| {
        character.is_control() && *character != '\n' || "\u{202e}\u{2028}".contains(*character)
    };
    for output in [page, timeline.to_svg(), timeline.to_text(80), timeline.to_json()] {
        assert_eq!(output.chars().find(odd), None);
    }
    assert!(!timeline.to_svg().contains("<img") && !timeline.to_svg().contains("<script"));
}

#[test]
fn a_comparison_says_what_was_gained() {
    let slow = Timeline::new(&events(SCRIPT));
    let fast = Timeline::new(&events(
        "0 run main turn_started\n250 run main turn_ended 1 2\n250 run main ended Done.",
    ));
    let comparison = Comparison::new(("sequential", &slow), ("concurrent", &fast));
    assert_eq!(comparison.summary(), "concurrent: 250 ms instead of 1 s, 4.0 times as fast");
    assert_snapshot!(comparison.to_text(60), @"
    sequential:
    main   |█████████████████████████████████████████|    1.00 s
      look |                ░░░░░████████████        |    0.30 s
      read |                                 ████    |    0.10 s
    ░ earlier, if read_only: look 0.10 s

    concurrent:
    main |███████████                                |    0.25 s
    ");
    let json: Value = serde_json::from_str(&comparison.to_json()).unwrap();
    assert_eq!((&json[1]["name"], &json[1]["model"]["end_ms"]), (&"concurrent".into(), &250.0.into()));
}
