//! Documents for browsers without scripts: how they end.

use super::*;

const FED: &[&str] = &["--source", "-", "--at-eof", "keep", "--leave-notices", "off", "--history", "100000"];

fn request(world: &mut World, target: &str) -> usize {
    let peer = world.connect();
    world.send(peer, format!("GET {target} HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n").as_bytes());
    world.settle();
    peer
}

fn read(world: &mut World, peer: usize) -> String {
    String::from_utf8(world.read(peer, usize::MAX)).unwrap()
}

/// Where the document goes on by itself.
fn refresh(text: &str) -> Option<(u64, String)> {
    let (_, content) = text.split_once("<meta http-equiv=\"refresh\" content=\"")?;
    let (seconds, url) = content.split_once('"').unwrap().0.split_once("; url=").unwrap();
    assert!(text.contains(&format!("<a href=\"{url}\">")), "{text}");
    assert!(text.ends_with("</html>\n\r\n0\r\n\r\n"), "{text}");
    Some((seconds.parse().unwrap(), url.replace("&amp;", "&")))
}

#[test]
fn the_end_of_a_server_is_a_line_and_what_goes_on_by_itself() {
    for (stop, said, after) in [
        (Stop::Shutdown, "The server has stopped.", Some(10)),
        (Stop::Restart, "The server starts again.", Some(2)),
        (Stop::Finished, "The stream has ended.", None),
    ] {
        let mut world = world_after(1, FED, Some(lines_before(1)));
        let peer = request(&mut world, "/?token=a%22b");
        world.mail(batch(1..3));
        world.settle();
        world.control().stop(stop);
        for _ in 0..20 {
            if !world.turn() {
                break;
            }
            world.advance(Duration::from_secs(1));
        }
        let text = read(&mut world, peer);
        assert!(text.contains(&format!("</pre>\n<p><i>{said}")), "{text}");
        let expected = after.map(|after| (after, "?token=a%22b&since=000000000007_2".to_owned()));
        assert_eq!(refresh(&text), expected);
    }
}

#[test]
fn notices_alone_fill_a_document_too() {
    let mut world = world(
        1,
        &["--source", "-", "--on-message", "broadcast", "--message-rate", "0", "--notice-rate", "100000"],
    );
    let peer = request(&mut world, "/");
    let talker = world.connect();
    world.send(talker, MODERN);
    world.settle();
    let mut text = String::new();
    for second in 0..80 {
        // Then the next look at an idle stream finds it full.
        for _ in 0..if second < 60 { 100 } else { 0 } {
            // A masked text frame: "hi", the mask being zero.
            world.send(talker, b"\x81\x82\0\0\0\0hi");
        }
        world.settle();
        world.read(talker, usize::MAX);
        text += &read(&mut world, peer);
        world.advance(Duration::from_secs(1));
        world.settle();
    }
    assert!(
        refresh(&text).is_some_and(|(after, _)| after == 0),
        "{} {}",
        text.matches("<i>hi").count(),
        &text[text.len() - 300..]
    );
}
