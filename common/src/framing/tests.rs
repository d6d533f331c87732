use super::*;
use crate::{
    gap::Gap,
    id::{Epoch, MessageId, Since},
    source_state::{SourcePhase, SourceState},
};

fn id(number: u64) -> MessageId {
    MessageId { epoch: Epoch::from_millis(0xAB), number }
}

fn encoded(framing: Framing, text: &str) -> String {
    let mut out = Vec::new();
    encode(framing, id(7), text, &mut out);
    out.iter().map(|&byte| char::from(byte)).collect()
}

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

#[test]
fn each_framing_encodes_a_message_in_its_own_form() {
    for (framing, expected) in [
        (Framing::Hybi, "\u{81}\u{2}hi"),
        (Framing::HybiNumbered, "\u{81}\u{4}7\thi"),
        (Framing::Hixie, "\u{0}hi\u{FF}"),
        (Framing::HixieNumbered, "\u{0}7\thi\u{FF}"),
        (Framing::EventStream, "id: 0000000000ab_7\ndata: hi\n\n"),
        (Framing::EventStreamChunked, "1d\r\nid: 0000000000ab_7\ndata: hi\n\n\r\n"),
        (Framing::Lines, "hi\n"),
        (Framing::LinesChunked, "3\r\nhi\n\r\n"),
        (Framing::HybiIds, "\u{81}\u{11}0000000000ab_7\thi"),
        (Framing::HixieIds, "\u{0}0000000000ab_7\thi\u{FF}"),
        (Framing::EventStreamBare, "id: 7\ndata: hi\n\n"),
        (Framing::EventStreamBareChunked, "10\r\nid: 7\ndata: hi\n\n\r\n"),
        (Framing::Ndjson, "{\"id\":\"0000000000ab_7\",\"text\":\"hi\",\"kind\":\"message\"}\n"),
        (
            Framing::NdjsonChunked,
            "35\r\n{\"id\":\"0000000000ab_7\",\"text\":\"hi\",\"kind\":\"message\"}\n\r\n",
        ),
        (Framing::Html, "<div>hi</div\n>"),
        (Framing::HtmlChunked, "e\r\n<div>hi</div\n>\r\n"),
    ] {
        assert_eq!(encoded(framing, "hi"), expected);
        assert_eq!(Framing::ALL[framing.index()], framing);
    }
}

#[test]
fn every_line_of_a_text_is_a_data_line() {
    let expected = "id: 0000000000ab_7\ndata: a\ndata: b\ndata: c\ndata: \ndata: id: 9\n\n";
    assert_eq!(encoded(Framing::EventStream, "a\nb\r\nc\r\rid: 9"), expected);
    assert_eq!(encoded(Framing::EventStream, ""), "id: 0000000000ab_7\ndata: \n\n");
}

#[test]
fn a_notice_has_no_number() {
    for (framing, expected) in [
        (Framing::HybiNumbered, &b"\x81\x0f17 disconnected"[..]),
        (Framing::HixieNumbered, b"\x0017 disconnected\xFF"),
        (Framing::HybiIds, b"\x81\x10\t17 disconnected"),
        (Framing::HixieIds, b"\x00\t17 disconnected\xFF"),
        (Framing::EventStreamBare, b"event: notice\ndata: 17 disconnected\n\n"),
        (Framing::EventStream, b"event: notice\ndata: 17 disconnected\n\n"),
        (Framing::Lines, b"17 disconnected\n"),
        (Framing::Ndjson, b"{\"id\":null,\"text\":\"17 disconnected\",\"kind\":\"notice\"}\n"),
        (Framing::Html, b"<div><i>17 disconnected</i></div\n>"),
    ] {
        let mut out = Vec::new();
        encode_notice(framing, "17 disconnected", &mut out);
        assert_eq!(out, expected);
    }
}

#[test]
fn an_echo_of_any_length_is_a_notice_of_its_text() {
    let framings =
        [Framing::Hybi, Framing::HybiNumbered, Framing::HybiIds, Framing::Hixie, Framing::HixieIds];
    for (framing, len) in framings
        .into_iter()
        .flat_map(|framing| [0, 1, 124, 125, 126, 65_534, 65_535, 65_536].map(|len| (framing, len)))
    {
        let text = "x".repeat(len);
        let (mut notice, mut echo) = (b"before".to_vec(), b"before".to_vec());
        encode_notice(framing, &text, &mut notice);
        encode_echo(framing, text.as_bytes(), &mut echo);
        assert!(notice == echo, "{framing:?}, {len} bytes");
    }
}

/// What is no message, in the form that a framing has for it: JSON behind a mark, an event, a line of JSON, or a line of a document.
/// `len` is that of the frame's payload.
fn aside(framing: Framing, (event, json, len): (&str, &str, u8), object: &str, line: &str) -> Vec<u8> {
    let event = format!("event: {event}\ndata: {json}\n\n");
    match framing {
        Framing::HybiIds => [&[0x81, len][..], b"!\t", json.as_bytes()].concat(),
        Framing::HixieIds => [b"\0!\t", json.as_bytes(), b"\xFF"].concat(),
        Framing::EventStream => event.into_bytes(),
        Framing::EventStreamChunked => chunk(&event),
        Framing::Ndjson => object.into(),
        Framing::NdjsonChunked => chunk(object),
        Framing::Html => line.into(),
        Framing::HtmlChunked => chunk(line),
        _ => Vec::new(),
    }
}

#[test]
fn a_gap_is_told_in_framings_that_carry_ids_and_in_no_other() {
    let gap = Gap { missed: Some(3), new_stream: false, next: Some(id(7)) };
    let json = r#"{"missed":3,"stream":"same","next":"0000000000ab_7"}"#;
    let object = format!("{{\"id\":null,\"text\":\"\",\"kind\":\"gap\",{}\n", &json[1..]);
    for framing in Framing::ALL {
        let mut out = Vec::new();
        encode_gap(framing, &gap, &mut out);
        let expected =
            aside(framing, ("gap", json, 0x36), &object, "<div><i>3 messages are missing here.</i></div\n>");
        assert_eq!(out, expected, "{framing:?}");
        assert_eq!(framing.tells_gaps(), !expected.is_empty());
    }
}

#[test]
fn the_state_of_the_source_is_told_in_framings_that_carry_ids_and_in_no_other() {
    let state = SourceState::new(SourcePhase::Waiting, "");
    let json = r#"{"source":"waiting","said":""}"#;
    assert_eq!(state.to_string(), json);
    let object = r#"{"id":null,"text":"","kind":"source","source":"waiting"}"#.to_owned() + "\n";
    for framing in Framing::ALL {
        let mut out = Vec::new();
        encode_source(framing, &state, &mut out);
        let expected =
            aside(framing, ("source", json, 0x20), &object, "<div><i>The source is waiting.</i></div\n>");
        assert_eq!(out, expected, "{framing:?}");
    }
}

#[test]
fn only_an_event_stream_says_what_to_resume_with() {
    for framing in Framing::ALL {
        let mut out = Vec::new();
        encode_last_id(framing, Since::Id(id(7)), &mut out);
        let expected: &[u8] = match (framing.is_event_stream(), framing.is_chunked()) {
            (true, true) => b"14\r\nid: 0000000000ab_7\n\n\r\n",
            (true, false) => b"id: 0000000000ab_7\n\n",
            _ => b"",
        };
        assert_eq!(out, expected, "{framing:?}");
    }
}

#[test]
fn comment_retry_and_end_are_empty_where_a_framing_has_none() {
    for framing in Framing::ALL {
        let mut out = Vec::new();
        encode_comment(framing, &mut out);
        encode_retry(framing, 1000, &mut out);
        finish(framing, &mut out);
        let expected: &[u8] = match framing {
            Framing::EventStream | Framing::EventStreamBare => b":\n\nretry: 1000\n\n",
            Framing::EventStreamChunked | Framing::EventStreamBareChunked => {
                b"3\r\n:\n\n\r\nd\r\nretry: 1000\n\n\r\n0\r\n\r\n"
            }
            Framing::LinesChunked | Framing::NdjsonChunked => b"0\r\n\r\n",
            Framing::Html => b"<!-- -->",
            Framing::HtmlChunked => b"8\r\n<!-- -->\r\n0\r\n\r\n",
            _ => b"",
        };
        assert_eq!(out, expected, "{framing:?}");
    }
}

#[test]
fn a_frame_is_appended_to_what_is_there() {
    let mut out = b"before".to_vec();
    encode(Framing::LinesChunked, id(1), &"x".repeat(70_000), &mut out);
    assert!(out.starts_with(b"before11171\r\nxxx"));
}

#[test]
fn a_probe_before_a_message_is_no_part_of_it() {
    for framing in Framing::ALL {
        let mut out = Vec::new();
        encode_probe(framing, &mut out);
        encode_notice(framing, "hi", &mut out);
        finish(framing, &mut out);
        let text: String = out.iter().map(|&byte| char::from(byte)).collect();
        let expected = match framing {
            Framing::LinesChunked => "03\r\nhi\n\r\n0\r\n\r\n",
            Framing::Lines => "hi\n",
            Framing::EventStream => ":\n\nevent: notice\ndata: hi\n\n",
            Framing::NdjsonChunked => {
                "028\r\n{\"id\":null,\"text\":\"hi\",\"kind\":\"notice\"}\n\r\n0\r\n\r\n"
            }
            Framing::Html => "<!-- --><div><i>hi</i></div\n>",
            _ => continue,
        };
        assert_eq!(text, expected);
    }
}

#[test]
fn a_heartbeat_is_seen_by_a_client_of_each_framing_in_its_own_way() {
    for framing in Framing::ALL {
        let mut out = Vec::new();
        encode_heartbeat(framing, 15, &mut out);
        let object = "{\"id\":null,\"text\":\"\",\"kind\":\"heartbeat\"}\n";
        let event = "event: heartbeat\ndata: 15\n\n";
        let expected = match framing {
            Framing::Hybi | Framing::HybiNumbered => b"\x81\0".to_vec(),
            Framing::HybiIds => b"\x81\x12!\t{\"heartbeat\":15}".to_vec(),
            Framing::Hixie | Framing::HixieNumbered => b"\0\xFF".to_vec(),
            Framing::HixieIds => b"\0!\t{\"heartbeat\":15}\xFF".to_vec(),
            Framing::EventStream | Framing::EventStreamBare => event.into(),
            Framing::EventStreamChunked | Framing::EventStreamBareChunked => chunk(event),
            Framing::Lines => b"\n".to_vec(),
            Framing::LinesChunked => chunk("\n"),
            Framing::Ndjson => object.into(),
            Framing::NdjsonChunked => chunk(object),
            Framing::Html => b"<!-- -->".to_vec(),
            Framing::HtmlChunked => chunk("<!-- -->"),
        };
        assert_eq!(out, expected, "{framing:?}");
    }
}

#[test]
fn lines_of_json_are_safe_wherever_they_stand() {
    let text = "</script><!-- \" \\ \u{2028}\u{2029}\r\n\u{0}é";
    let expected = "{\"id\":\"0000000000ab_7\",\"text\":\"\\u003c/script>\\u003c!-- \\\" \\\\ \\u2028\\u2029\\r\\n\\u0000é\",\"kind\":\"message\"}\n";
    let mut out = Vec::new();
    encode(Framing::Ndjson, id(7), text, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn a_document_begins_with_enough_for_engines_that_draw_late_and_nothing_else_has_a_beginning() {
    for framing in Framing::ALL {
        let mut out = Vec::new();
        encode_opening(framing, &mut out);
        assert_eq!(out.is_empty(), framing.media_type() != "text/html", "{framing:?}");
    }
    let mut out = Vec::new();
    encode_opening(Framing::Html, &mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(text.len() >= 2_100, "{}", text.len());
    let seen = text.split_once("<p>").unwrap().1.split_once("</p>").unwrap().0;
    assert!(seen.len() >= 400 && !seen.contains('<'), "{seen}");
    assert!(text.starts_with("<!DOCTYPE html>\n") && text.ends_with("<pre>"));
}

#[test]
fn each_framing_says_its_name_its_media_type_and_whether_it_is_of_frames() {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
    for framing in Framing::ALL {
        let (name, media_type) = match framing {
            Framing::Lines | Framing::LinesChunked => ("lines", "text/plain"),
            Framing::Ndjson | Framing::NdjsonChunked => ("ndjson", "application/x-ndjson"),
            Framing::Html | Framing::HtmlChunked => ("html", "text/html"),
            _ if framing.is_event_stream() => ("sse", "text/event-stream"),
            _ => ("", ""),
        };
        assert_eq!((framing.name(), framing.media_type()), (name, media_type), "{framing:?}");
        // A document may load nothing and run nothing, whatever the stream brings into it.
        let fields: &[_] = if name == "html" { &[("Content-Security-Policy", policy)] } else { &[] };
        assert_eq!(framing.fields(), fields, "{framing:?}");
        let is_hybi = matches!(framing, Framing::Hybi | Framing::HybiNumbered | Framing::HybiIds);
        assert_eq!(framing.is_hybi(), is_hybi, "{framing:?}");
    }
}

#[test]
fn a_request_changes_a_framing_to_its_kin_and_leaves_the_others() {
    type Change = fn(Framing) -> Framing;
    let families: [(Change, &[(Framing, Framing)]); 4] = [
        (
            Framing::numbered,
            &[(Framing::Hybi, Framing::HybiNumbered), (Framing::Hixie, Framing::HixieNumbered)],
        ),
        (Framing::with_ids, &[(Framing::Hybi, Framing::HybiIds), (Framing::Hixie, Framing::HixieIds)]),
        (
            Framing::bare,
            &[
                (Framing::EventStream, Framing::EventStreamBare),
                (Framing::EventStreamChunked, Framing::EventStreamBareChunked),
            ],
        ),
        (
            Framing::chunked,
            &[
                (Framing::EventStream, Framing::EventStreamChunked),
                (Framing::EventStreamBare, Framing::EventStreamBareChunked),
                (Framing::Lines, Framing::LinesChunked),
                (Framing::Ndjson, Framing::NdjsonChunked),
                (Framing::Html, Framing::HtmlChunked),
            ],
        ),
    ];
    for (change, kin) in families {
        for framing in Framing::ALL {
            let expected = kin.iter().find(|(from, _)| *from == framing).map_or(framing, |(_, to)| *to);
            assert_eq!(change(framing), expected, "{framing:?}");
        }
    }
}

#[test]
fn a_document_says_what_is_missing_and_what_the_source_is_doing_in_words() {
    let gap = |missed, new_stream| Gap { missed, new_stream, next: None };
    for (gap, words) in [
        (gap(Some(3), true), "A new stream begins here."),
        (gap(None, false), "Some messages are missing here."),
        (gap(Some(1), false), "1 message is missing here."),
        (gap(Some(2), false), "2 messages are missing here."),
    ] {
        let mut out = Vec::new();
        encode_gap(Framing::Html, &gap, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("<div><i>{words}</i></div\n>"));
    }
    for (phase, said, words) in [
        (SourcePhase::Running, "", "The source is running."),
        (SourcePhase::Ended, "", "The source is ended."),
        (SourcePhase::Ended, "a <b> ended", "a &lt;b&gt; ended"),
    ] {
        let mut out = Vec::new();
        encode_source(Framing::Html, &SourceState::new(phase, said), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("<div><i>{words}</i></div\n>"));
    }
}

#[test]
fn only_a_document_has_a_farewell_which_closes_it_and_leads_on() {
    let go_on = Some(GoOn { address: "?since=1&a=\"<".into(), after: 3 });
    for (farewell, expected) in [
        (
            Farewell { said: "The end & more.", go_on: None, is_whole: false },
            "</pre>\n<p><i>The end &amp; more.</i></p></div></div></body></html>\n",
        ),
        (
            Farewell { said: "On.", go_on, is_whole: true },
            "</pre>\n<style type=\"text/css\">html, body { height: auto; overflow: auto } #log { position: static }</style>\n\
             <p><i>On.</i> <a href=\"?since=1&amp;a=&quot;&lt;\">Go on now</a><meta http-equiv=\"refresh\" \
             content=\"3; url=?since=1&amp;a=&quot;&lt;\"></p></div></div></body></html>\n",
        ),
    ] {
        for framing in Framing::ALL {
            let mut out = Vec::new();
            encode_farewell(framing, &farewell, &mut out);
            let expected = match framing {
                Framing::Html => expected.into(),
                Framing::HtmlChunked => chunk(expected),
                _ => Vec::new(),
            };
            assert_eq!(String::from_utf8(out), String::from_utf8(expected), "{framing:?}");
        }
    }
}
