use proptest::prelude::*;

use super::*;

const GREETING: &[u8] = b"\r\nLast login: yesterday\r\n\r\nnx01 > ";

/// A reader behind the greeting and `enable`.
fn ready() -> Reader {
    let mut reader = Reader::terminal();
    reader.feed(GREETING);
    assert_eq!(reader.seen(), Seen::Prompt(Mode::Standard));
    reader.answer();
    reader.begin("enable", 1000, true).expect("nothing unasked");
    reader.feed(b"enable\r\nnx01 # ");
    assert_eq!(reader.seen(), Seen::Prompt(Mode::Enable));
    assert_eq!(reader.answer(), "");
    reader
}

fn asked(command: &str) -> Reader {
    let mut reader = ready();
    reader.begin(command, 100_000, false).expect("nothing unasked");
    reader
}

#[test]
fn an_answer_is_what_stands_between_echo_and_prompt() {
    let mut reader = asked("show version");
    reader.feed(b"show version\r\nProduct name: NX\r\n\r\nnx01 # ");
    assert_eq!(reader.seen(), Seen::Prompt(Mode::Enable));
    assert_eq!(reader.answer(), "Product name: NX\n\n");
}

#[test]
fn an_echo_may_be_broken_by_the_terminal() {
    for echo in ["show ver\r\nsion\r\n", "show vers \rsion\r\n", "show versi\ri\x1b[Kon\r\n", "show\r\nversion \r\n"] {
        let mut reader = asked("show version");
        reader.feed(echo.as_bytes());
        reader.feed(b"text\r\nnx01 # ");
        assert_eq!(reader.seen(), Seen::Prompt(Mode::Enable), "{echo:?}");
        assert_eq!(reader.answer(), "text\n", "{echo:?}");
    }
}

#[test]
fn an_appliance_may_echo_nothing() {
    let mut reader = Reader::terminal();
    reader.feed(GREETING);
    reader.answer();
    reader.begin("show version", 1000, false).expect("nothing unasked");
    reader.feed(b"\r\nProduct name: NX\r\nnx01 > ");
    assert_eq!(reader.seen(), Seen::Prompt(Mode::Standard));
    assert_eq!(reader.answer(), "\nProduct name: NX\n");
}

#[test]
fn a_prompt_without_the_echo_before_it_is_no_answer() {
    let mut reader = asked("show version");
    reader.feed(b"\r\n");
    assert_eq!(reader.seen(), Seen::More);
    reader.feed(b"nx01 # ");
    assert_eq!(reader.seen(), Seen::Unasked);
}

#[test]
fn a_line_like_a_prompt_does_not_end_the_answer() {
    let mut reader = asked("show running-config");
    let config = "## Banner\r\nnx02 # \r\nnx01 # is mine\r\n   nx01 > \r\n(config) # \r\nend\r\n";
    reader.feed(format!("show running-config\r\n{config}").as_bytes());
    assert_eq!(reader.seen(), Seen::More);
    reader.feed(b"nx01 # ");
    assert_eq!(reader.seen(), Seen::Prompt(Mode::Enable));
    assert_eq!(reader.answer(), config.replace('\r', ""));
}

#[test]
fn a_prompt_is_withdrawn_when_more_text_follows() {
    let mut reader = asked("show running-config");
    reader.feed(b"show running-config\r\nnx01 # ");
    assert_eq!(reader.seen(), Seen::Prompt(Mode::Enable));
    reader.feed(b"was here\r\n");
    assert_eq!(reader.seen(), Seen::More);
    reader.feed(b"nx01 # ");
    assert_eq!(reader.answer(), "nx01 # was here\n");
}

#[test]
fn a_prompt_is_believed_at_once_only_when_nothing_speaks_against_it() {
    let settles = |messages: &[&[u8]]| {
        let mut reader = asked("show x");
        for message in messages {
            reader.feed(message);
        }
        assert_eq!(reader.seen(), Seen::Prompt(Mode::Enable));
        reader.settles_in()
    };
    assert_eq!(settles(&[b"show x\r\n", b"text\r\n", b"nx01 # "]), Duration::ZERO);
    assert_eq!(settles(&[b"show x\r\ntext\r\nnx01", b" # "]), Duration::from_millis(20));
    assert_eq!(settles(&[b"show x\r\n", &b"text\r\n".repeat(400), b"nx01 # "]), Duration::from_millis(20));
    assert_eq!(settles(&[b"show x\r\nnx01 # ", b"x\r\nnx01 # "]), Duration::from_secs(1));
}

#[test]
fn pages_are_joined() {
    let mut reader = asked("show log");
    reader.feed(b"show log\r\none\r\nlines 1-1");
    assert_eq!(reader.seen(), Seen::Pager(Key::Space));
    reader.turn_page();
    reader.feed(b"\r\x1b[Ktwo\r\n--More--");
    assert_eq!(reader.seen(), Seen::Pager(Key::Space));
    reader.turn_page();
    reader.feed(b"\x08\x08\x08\x08\x08\x08\x08\x08        \rthree\r\nnx01 # ");
    assert_eq!(reader.seen(), Seen::Prompt(Mode::Enable));
    assert_eq!(reader.answer(), "one\ntwo\nthree\n");
}

#[test]
fn a_line_like_a_pager_is_not_lost() {
    let mut reader = asked("show log");
    reader.feed(b"show log\r\nlines 1-1");
    assert_eq!(reader.seen(), Seen::Pager(Key::Space));
    reader.turn_page();
    assert_eq!(reader.seen(), Seen::More);
    reader.feed(b" of a log\r\nnx01 # ");
    assert_eq!(reader.answer(), "lines 1-1 of a log\n");
}

#[test]
fn a_question_for_a_password_is_seen_only_where_one_may_come() {
    let mut reader = asked("show users");
    reader.feed(b"show users\r\nPassword: ");
    assert_eq!(reader.seen(), Seen::More);
    let mut reader = ready();
    reader.begin("enable", 1000, true).expect("nothing unasked");
    reader.feed(b"enable\r\nPassword: ");
    assert_eq!(reader.seen(), Seen::Password);
    reader.begin_unechoed();
    reader.feed(b"\r\nnx01 # ");
    assert_eq!(reader.seen(), Seen::Prompt(Mode::Enable));
}

#[test]
fn text_that_nobody_asked_for_is_noticed() {
    let mut reader = ready();
    reader.feed(b"\x1b[K \r\n");
    assert_eq!(reader.begin("show version", 1000, false), Ok(()));
    let mut reader = ready();
    reader.feed(b"the rest of an answer\r\nnx01 # ");
    assert!(reader.begin("show version", 1000, false).is_err());
}

#[test]
fn limits_hold_to_the_byte() {
    let over = |answer: usize, limit: usize| {
        let mut reader = ready();
        reader.begin("show x", limit, false).expect("nothing unasked");
        reader.feed(b"show x\r\n");
        reader.feed(&b"0123456\n".repeat(answer / 8));
        reader.feed(b"nx01 # ");
        reader.seen()
    };
    assert_eq!(over(800, 800), Seen::Prompt(Mode::Enable));
    assert_eq!(over(800, 799), Seen::Over("the answer", 799));

    let mut reader = asked("show x");
    reader.feed(b"show x\r\n");
    reader.feed(&vec![b'x'; LINE_BYTES_MAX]);
    assert_eq!(reader.seen(), Seen::More);
    reader.feed(b"x");
    assert_eq!(reader.seen(), Seen::Over("a line", LINE_BYTES_MAX));

    let mut reader = asked("show x");
    for _ in 0..100_000 {
        reader.feed(b"\x1b[K");
    }
    assert_eq!(reader.seen(), Seen::Over("the answer", 100_000));

    let mut reader = Reader::plain(10);
    reader.feed(b"0123456789");
    assert_eq!(reader.seen(), Seen::More);
    reader.feed(b"x");
    assert_eq!(reader.seen(), Seen::Over("the answer", 10));
}

#[test]
fn a_greeting_without_end_is_given_up() {
    let mut reader = Reader::terminal();
    reader.feed(&b"welcome\r\n".repeat(GREETING_BYTES_MAX / 8 + 1));
    assert_eq!(reader.seen(), Seen::Over("the greeting", GREETING_BYTES_MAX));
}

fn lines() -> impl Strategy<Value = Vec<String>> {
    let line = prop_oneof![
        "[ -~]{0,60}",
        Just("nx01 # not the end".to_owned()),
        Just("nx02 # ".to_owned()),
        Just("nx01 > x".to_owned()),
        Just("Password:".to_owned()),
        Just("東京 > ".to_owned()),
        Just(String::new()),
    ];
    proptest::collection::vec(
        line.prop_filter("the prompt itself", |line| !line.starts_with("nx01 # ") || line.len() > 7),
        0..30,
    )
}

proptest! {
    #[test]
    fn any_split_of_the_stream_gives_the_same_answer(
        lines in lines(),
        ends in prop_oneof![Just("\r\n"), Just("\n"), Just("\r\r\n")],
        cuts in proptest::collection::vec(0usize..3000, 0..60),
    ) {
        let config: String = lines.iter().flat_map(|line| [line.as_str(), ends]).collect();
        let stream = format!("show running-config\r\n\x1b[K{config}nx01 # ").into_bytes();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let mut reader = asked("show running-config");
        for ends in cuts.windows(2) {
            reader.feed(&stream[ends[0]..ends[1]]);
        }
        prop_assert_eq!(reader.seen(), Seen::Prompt(Mode::Enable));
        let expected: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        prop_assert_eq!(reader.answer(), expected);
    }

    #[test]
    fn no_stream_is_too_strange(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..40),
        begin in any::<bool>(),
    ) {
        let mut reader = if begin { asked("show version") } else { Reader::terminal() };
        for chunk in chunks {
            reader.feed(&chunk);
            if matches!(reader.seen(), Seen::Pager(_)) {
                reader.turn_page();
            }
        }
        let _ = reader.tail();
        let _ = reader.answer();
    }
}
