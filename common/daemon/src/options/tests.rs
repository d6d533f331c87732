use std::{ffi::OsString, time::Duration};

use clap::Parser;

use super::*;
use crate::{
    exit::{DaemonError, Exit},
    regular,
    value::{self, ListenAddress},
};

/// A daemon's options.
#[derive(Parser, Debug)]
#[command(name = "try", version)]
struct TryOptions {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:40132")]
    listen: Vec<ListenAddress>,

    /// How often
    #[arg(long, value_parser = value::duration, default_value = "1s")]
    interval: Duration,

    /// How much
    #[arg(long, value_parser = value::size, default_value = "16KiB")]
    max_message: usize,

    /// A switch
    #[arg(long, value_parser = value::on_off, action = clap::ArgAction::Set, default_value = "on")]
    legacy: bool,

    /// A flag
    #[arg(long)]
    align: bool,

    /// Perhaps
    #[arg(long)]
    template: Option<String>,

    #[command(flatten)]
    common: Common,
}

impl Options for TryOptions {
    fn elsewhere() -> &'static [&'static str] {
        &["depth", "interval"]
    }

    fn defaults(&self) -> Vec<(&'static str, String)> {
        vec![("template", if self.align { "{minute}" } else { "{second}" }.to_owned())]
    }

    fn without_effect(&self) -> Vec<(&'static str, String)> {
        if self.align { vec![("interval", "--align has its own".to_owned())] } else { Vec::new() }
    }
}

fn parse_with(args: &[&str], env: &[(&str, &str)]) -> Result<Parsed<TryOptions>, DaemonError> {
    let args = std::iter::once("try").chain(args.iter().copied()).map(OsString::from);
    let env = env.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    parse("DATECAST_TRY_", args, env, regular::read_any)
}

fn in_force(args: &[&str], env: &[(&str, &str)]) -> InForce<TryOptions> {
    match parse_with(args, env).expect("the options are right") {
        Parsed::Options(in_force) => *in_force,
        Parsed::Print(text) => panic!("printed {text}"),
    }
}

fn options(args: &[&str], env: &[(&str, &str)]) -> TryOptions {
    in_force(args, env).options
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), text).expect("written");
    file
}

#[test]
fn flag_beats_environment_beats_file_beats_default() {
    let file = file("interval = \"4s\"\nmax-message = 5\nalign = true\ntemplate = \"f\"\n");
    let config = file.path().to_str().expect("a name");
    let env = [("DATECAST_TRY_INTERVAL", "3s"), ("DATECAST_TRY_MAX_MESSAGE", "4KiB")];
    let options = options(&["--interval", "2s", "--config", config], &env);
    assert_eq!(options.interval, Duration::from_secs(2));
    assert_eq!(options.max_message, 4096);
    assert!(options.align);
    assert_eq!(options.template.as_deref(), Some("f"));
    assert!(options.legacy);
}

#[test]
fn the_environment_can_name_the_file() {
    let file = file("legacy = false\nlisten = [\"127.0.0.1:1\", \"unix:/a\"]\n");
    let options = options(&[], &[("DATECAST_TRY_CONFIG", file.path().to_str().expect("a name"))]);
    assert!(!options.legacy);
    assert_eq!(options.listen.len(), 2);
}

#[test]
fn a_repeated_option_takes_a_list_from_the_environment() {
    let listen = |value| options(&[], &[("DATECAST_TRY_LISTEN", value)]).listen;
    assert_eq!(listen("[\"[::]:1\", \"unix:/a\"]").len(), 2);
    assert_eq!(listen("[::]:7"), ["[::]:7".parse().expect("an address")]);
    assert_eq!(options(&["--listen", "[::]:9"], &[("DATECAST_TRY_LISTEN", "[::]:7")]).listen.len(), 1);
}

#[test]
fn a_switch_takes_the_same_words_in_every_layer() {
    for (word, is_on) in
        [("on", true), ("yes", true), ("1", true), ("TRUE", true), ("off", false), ("0", false)]
    {
        assert_eq!(options(&[], &[("DATECAST_TRY_ALIGN", word)]).align, is_on, "{word}");
        let file = file(&format!("align = \"{word}\"\n"));
        assert_eq!(options(&["--config", file.path().to_str().expect("a name")], &[]).align, is_on, "{word}");
    }
}

#[test]
fn a_variable_without_its_daemon_is_a_mistake_that_names_the_right_one() {
    let InForce { mistakes, .. } =
        in_force(&[], &[("DATECAST_INTERVAL", "5s"), ("DATECAST_WS_INTERVAL", "5s")]);
    let said = "environment variable DATECAST_INTERVAL is no option; did you mean DATECAST_TRY_INTERVAL?";
    assert_eq!(mistakes, [said]);
}

#[test]
fn an_option_of_another_command_is_no_mistake_in_what_the_commands_share() {
    let file = file("depth = 5\ninterval = \"3s\"\n");
    let file = ["--config", file.path().to_str().expect("a name")];
    let InForce { options, mistakes, .. } = in_force(&file, &[("DATECAST_TRY_DEPTH", "7")]);
    assert_eq!((options.interval, mistakes), (Duration::from_secs(3), vec![]));
    let InForce { mistakes, .. } = in_force(&[], &[("DATECAST_TRY_DEPHT", "7")]);
    assert_eq!(mistakes.len(), 1, "a misspelt one is");
    assert!(parse_with(&["--depth", "5"], &[]).is_err(), "nor is it one on the command line");
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    assert_eq!(options(&[], &[("DATECAST_TRY_INTERVAL", "")]).interval, Duration::from_secs(1));
}

#[test]
fn a_foreign_variable_with_our_prefix_is_a_warning() {
    let env = [
        ("DATECAST_TRY_SERVICE_HOST", "10.0.0.1"),
        ("DATECAST_TRY_PORT", "tcp://10.0.0.1:80"),
        ("DATECAST_TRY_PORT_80_TCP_ADDR", "10.0.0.1"),
    ];
    let InForce { warnings, mistakes, .. } = in_force(&[], &env);
    assert_eq!(warnings[0], "environment variable DATECAST_TRY_SERVICE_HOST is no option");
    assert_eq!((warnings.len(), mistakes.len()), (3, 0));
}

#[test]
fn a_misspelt_variable_is_a_mistake_that_names_the_right_one() {
    for (name, part) in [
        ("DATECAST_TRY_MAXMESSAGE", "; did you mean DATECAST_TRY_MAX_MESSAGE?"),
        ("DATECAST_TRY_LOGLEVEL", "; did you mean DATECAST_TRY_LOG_LEVEL?"),
        (
            "DATECAST_TRY_PORT",
            "; say DATECAST_TRY_LISTEN and `localhost:1`, or `[::]:1` for other machines, too",
        ),
        ("DATECAST_TRY_WHATEVER_ELSE", " is no option"),
        ("DATECAST_TRY_CHECK", " is no option"),
    ] {
        let InForce { warnings, mistakes, .. } = in_force(&[], &[(name, "1")]);
        let [mistake] = &mistakes[..] else { panic!("{mistakes:?}") };
        assert!(mistake.starts_with(&format!("environment variable {name} is no option")), "{mistake}");
        assert!(mistake.ends_with(part) && warnings.is_empty(), "{mistake}");
    }
}

#[test]
fn a_wrong_value_names_its_place() {
    let config = file("interval = \"soon\"\n");
    let path = config.path().to_str().expect("a name");
    for (args, env, exit, part) in [
        (vec!["--interval", "soon"], vec![], Exit::Usage, "'soon' for '--interval"),
        (vec![], vec![("DATECAST_TRY_INTERVAL", "soon")], Exit::Config, "variable DATECAST_TRY_INTERVAL: "),
        (vec!["--config", path], vec![], Exit::Config, "`interval`: invalid value 'soon'"),
        (vec!["--config", "/nowhere/x"], vec![], Exit::NoInput, "--config /nowhere/x: "),
        (vec!["--nonsense"], vec![], Exit::Usage, "--nonsense is no option"),
        (vec!["--log-level", "loud"], vec![], Exit::Usage, "say `off`, `error`"),
    ] {
        let failure = parse_with(&args, &env).expect_err("wrong");
        assert_eq!(failure.exit, exit, "{failure}");
        assert!(failure.message.contains(part), "{failure}");
    }
}

#[test]
fn a_mistake_in_the_file_is_named_by_key_or_by_line() {
    for (text, part) in [
        ("nonsense = 1", "`nonsense` is no option; the keys"),
        ("max_message = 1", "`max_message` is no option; did you mean `max-message`?"),
        ("port = 80", "`port` is no option; say `listen` and `localhost:80`, or `[::]:80`"),
        ("check = true", "`check` is no option"),
        ("config = \"x\"", "`config` names this very file"),
        ("DATECAST_TRY_INTERVAL = \"1s\"", "`DATECAST_TRY_INTERVAL` is no option; did you mean `interval`?"),
        ("--interval = \"1s\"", "`--interval` is no option; did you mean `interval`?"),
        (
            "workers = 99999999999999999999",
            "line 1, `workers = 99999999999999999999`: the number is too large",
        ),
        ("interval = [\"1s\"]", "`interval` takes one value"),
        ("listen = [1]", "`listen` takes a list of strings"),
        ("listen = []", "`listen`: the list is empty"),
        ("align = \"maybe\"", "say true or false"),
        ("[interval]", "`interval` takes a string"),
        ("[limits]\nmax-message = 1", "`[limits]`: this file has no sections"),
        ("interval = \"1s\"\ninterval = \"2s\"", "line 2, `interval = \"2s\"`: duplicate key"),
        ("align = 2", "say true or false, not 2"),
        ("legacy = \"on\"\ninterval = ", "line 2, `interval =`: "),
    ] {
        let file = file(text);
        let failure = parse_with(&["--config", file.path().to_str().expect("a name")], &[]).expect_err(text);
        assert_eq!(failure.exit, Exit::Config);
        assert!(failure.message.contains(part), "{text}: {failure}");
    }
}

#[test]
fn what_is_printed_is_a_file_with_the_same_meaning() {
    let args =
        ["--listen", "[::]:1", "--listen", "unix:/a", "--template", "say \"{date}\"\\\t", "--workers", "3"];
    let first = in_force(&args, &[("DATECAST_TRY_ALIGN", "true")]).printed;
    assert!(first.contains("listen = [\"[::]:1\", \"unix:/a\"] # command line"), "{first}");
    assert!(first.contains("align = true # environment: DATECAST_TRY_ALIGN"), "{first}");
    assert!(first.contains("max-message = \"16KiB\" # default"), "{first}");
    assert!(first.contains("workers = 3 # command line"), "{first}");

    let file = file(&first);
    let second = in_force(&["--config", file.path().to_str().expect("a name")], &[]).printed;
    let values = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split(" # ").next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(values(&first), values(&second));
}

#[test]
fn help_and_version_go_to_standard_output() {
    for flag in ["--help", "--version"] {
        let parsed = parse_with(&[flag], &[]).expect("right");
        assert!(matches!(parsed, Parsed::Print(text) if text.contains("try")));
    }
}

#[test]
fn what_is_no_file_or_endless_is_no_configuration() {
    let zeros = parse_with(&["--config", "/dev/zero"], &[]).expect_err("endless");
    assert!(zeros.message.contains("longer than 1 MiB"), "{zeros}");
    let args = ["try", "--config", "/dev/null"].map(OsString::from);
    let Err(null) = parse::<TryOptions>("DATECAST_TRY_", args, [], regular::read) else {
        panic!("a reload reads regular files only");
    };
    assert_eq!((null.exit, null.message.contains("not a regular file")), (Exit::NoInput, true), "{null}");
    assert!(parse_with(&["--config", "/dev/null"], &[]).is_ok(), "at the start it is an empty file");
}

#[test]
fn a_default_that_follows_from_other_options_is_printed() {
    let printed = |args: &[&str]| in_force(args, &[]).printed;
    assert!(printed(&[]).contains("template = \"{second}\" # default\n"));
    assert!(printed(&["--align"]).contains("template = \"{minute}\" # default\n"));
    assert!(printed(&["--align", "--template", "x"]).contains("template = \"x\" # command line\n"));
}

#[test]
fn an_option_that_does_nothing_is_a_warning_if_somebody_has_set_it() {
    let file = file("align = true\ninterval = \"4s\"\n");
    let config = file.path().to_str().expect("a name");
    let warnings = |args: &[&str], env: &[(&str, &str)]| in_force(args, env).warnings;
    let variable = [("DATECAST_TRY_INTERVAL", "3s")];
    let why = "has no effect: --align has its own";
    assert!(warnings(&["--align"], &[]).is_empty());
    assert!(warnings(&["--interval", "2s"], &[]).is_empty());
    assert_eq!(warnings(&["--align", "--interval", "2s"], &[]), [format!("--interval (command line) {why}")]);
    assert_eq!(
        warnings(&["--align"], &variable),
        [format!("--interval (environment: DATECAST_TRY_INTERVAL) {why}")]
    );
    assert_eq!(warnings(&["--config", config], &[]), [format!("--interval (file: {config}) {why}")]);
}
