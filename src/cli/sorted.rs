//! The command line as it is shown: settings under the names of their sections, and only those that a command heeds.

use clap::{Arg, Command, CommandFactory};

use super::Cli;
use crate::config::{args, keys};

/// What a controller heeds.
const OF_CONTROLLER: &[&str] = &[
    "dns.zone",
    "ecs.clusters",
    "ecs.health_interval",
    "ecs.region",
    "ecs.agent_config",
    "events.",
    "route53.zone_id",
    "controller.",
    "http.",
    "log.",
];

/// The definition of all commands.
pub(super) fn command() -> Command {
    let sort = |heeds: fn(&str) -> bool| move |command: Command| command.mut_args(|argument| sorted(argument, heeds));
    Cli::command()
        .mut_subcommand("run", sort(|key| !key.starts_with("controller.")))
        .mut_subcommand("check", sort(|_| true))
        .mut_subcommand("controller", sort(|key| OF_CONTROLLER.iter().any(|of| key.starts_with(of))))
}

/// A setting under its section; hidden, but understood, if it is of no use.
fn sorted(argument: Arg, heeds: fn(&str) -> bool) -> Arg {
    let key = keys::KEYS.iter().find(|key| {
        let variable = args::variable(key.name);
        argument.get_env().is_some_and(|env| env == variable.as_str())
    });
    let Some(key) = key else { return argument };
    let section = key.name.split('.').next().unwrap_or(key.name);
    let useless = !heeds(key.name);
    argument.help_heading(section).hide(useless)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(name: &str) -> String {
        let command = command();
        command.find_subcommand(name).unwrap().clone().render_long_help().to_string()
    }

    #[test]
    fn each_command_shows_what_it_heeds_by_section() {
        let (run, controller, check) = (help("run"), help("controller"), help("check"));
        for (help, shown, hidden) in [
            (
                &run,
                &["--listen", "--workers", "--cluster", "--slip"][..],
                &["--adopt", "--interval", "--record-type"][..],
            ),
            (&controller, &["--adopt", "--cluster", "--zone-id", "--topic-arn"], &["--listen", "--workers", "--slip"]),
            (&check, &["--adopt", "--listen", "--slip"], &[]),
        ] {
            let has = |flag: &&str| help.split_whitespace().any(|word| word.trim_end_matches(',') == *flag);
            assert!(shown.iter().all(has), "{help}");
            assert!(!hidden.iter().any(has), "{help}");
        }
        assert!(run.contains("\ndns:\n") && run.contains("\nforward:\n") && !run.contains("\ncontroller:\n"), "{run}");
        assert!(OF_CONTROLLER.iter().all(|of| keys::KEYS.iter().any(|key| key.name.starts_with(of))));
    }

    #[test]
    fn what_is_hidden_is_understood() {
        assert!(command().try_get_matches_from(["ecs-resolver", "run", "--adopt", "true"]).is_ok());
    }

    #[test]
    fn last_words_fit_their_lines() {
        for command in command().get_subcommands() {
            let words = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(words.lines().all(|line| line.chars().count() <= 100), "{words}");
        }
        let words = command().get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(words.lines().all(|line| line.chars().count() <= 100), "{words}");
    }
}
