//! The command line is read as it is documented.

use clap::error::ErrorKind;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    let matches = sorted::command().try_get_matches_from(line.split_whitespace())?;
    Cli::from_arg_matches(&matches)
}

#[test]
fn the_definition_is_sound() {
    sorted::command().debug_assert();
}

#[test]
fn every_command_is_read() {
    for line in [
        "ecs-resolver run",
        "ecs-resolver run -c x.toml --listen 127.0.0.1 --listen ::1 --ttl 9",
        "ecs-resolver controller --cluster prod",
        "ecs-resolver controller --plan --json --adopt --record-type CNAME,A",
        "ecs-resolver controller --once --allow-mass-delete --adopt false",
        "ecs-resolver demo",
        "ecs-resolver demo --services 10 --tasks 2 --no-churn --seed 3 --http off",
        "ecs-resolver check --config x.toml --json",
        "ecs-resolver dump",
        "ecs-resolver dump --zone --http 127.0.0.1:1",
        "ecs-resolver dump --json",
        "ecs-resolver queue show --json --config x.toml",
        "ecs-resolver queue show --queue-url https://sqs.r.amazonaws.com/1/q --region r",
        "ecs-resolver queue delete --cluster prod --instance i-1 --topic-arn arn:aws:sns:r:1:t",
        "ecs-resolver cache dump --http 127.0.0.1:1",
        "ecs-resolver dump -c x.toml",
        "ecs-resolver cache dump --json",
        "ecs-resolver cache --http off dump",
        "ecs-resolver cache flush www.example.com",
        "ecs-resolver cache flush --zone example.com",
        "ecs-resolver cache flush --all",
        "ecs-resolver completions bash",
        "ecs-resolver man --dir /tmp",
    ] {
        parse(line).unwrap();
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (line, kind) in [
        ("ecs-resolver", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ("ecs-resolver nosuch", ErrorKind::InvalidSubcommand),
        ("ecs-resolver run --nosuch", ErrorKind::UnknownArgument),
        ("ecs-resolver controller --plan --once", ErrorKind::ArgumentConflict),
        ("ecs-resolver controller --json", ErrorKind::MissingRequiredArgument),
        ("ecs-resolver dump --json --zone", ErrorKind::ArgumentConflict),
        ("ecs-resolver queue", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ("ecs-resolver queue delete --json", ErrorKind::UnknownArgument),
        ("ecs-resolver cache flush", ErrorKind::MissingRequiredArgument),
        ("ecs-resolver cache flush a --all", ErrorKind::ArgumentConflict),
        ("ecs-resolver dump --http here", ErrorKind::ValueValidation),
        ("ecs-resolver demo --tasks 3", ErrorKind::MissingRequiredArgument),
        ("ecs-resolver demo --services 0", ErrorKind::ValueValidation),
        ("ecs-resolver completions", ErrorKind::MissingRequiredArgument),
    ] {
        let error = parse(line).unwrap_err();
        assert_eq!(error.kind(), kind, "{line}");
        assert!(error.use_stderr());
    }
    assert!(!parse("ecs-resolver --help").unwrap_err().use_stderr());
}

#[test]
fn every_help_says_what_it_is_and_shows_examples() {
    let top = sorted::command();
    let queue = top.find_subcommand("queue").expect("there is one");
    for mut command in top.get_subcommands().chain(queue.get_subcommands()).cloned() {
        let name = command.get_name().to_owned();
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        assert!(!about.is_empty() && !about.contains("given on the command line"), "{name}: {about}");
        let help = command.render_long_help().to_string();
        assert!(help.contains("Examples:\n  "), "{name}");
        let undocumented: Vec<_> = command.get_arguments().filter(|arg| arg.get_help().is_none()).collect();
        assert!(undocumented.is_empty(), "{name}: {undocumented:?}");
    }
}
