//! What a run has seen.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::faults::Fault;

/// Kinds of questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// About our zone, over UDP.
    Zone,
    /// About our zone, over TCP.
    ZoneOverTcp,
    /// About other names.
    Forwarded,
}

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The answer is true.
    Right,
    /// SERVFAIL or REFUSED, and of what.
    Refused(String),
    /// There was no reply.
    Lost,
    /// The answer is not true, and why.
    Wrong(String),
}

/// Questions of one kind during one fault.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    /// All.
    pub asked: u64,
    /// Answered by an error.
    pub refused: u64,
    /// Not answered.
    pub lost: u64,
    /// Answered wrongly.
    pub wrong: u64,
}

/// What a process had when it was warm, and at its end.
#[derive(Debug, Clone, Copy)]
pub struct Growth {
    /// Resident memory in KiB.
    pub memory: [u64; 2],
    /// Descriptors.
    pub descriptors: [u64; 2],
}

/// The run.
#[derive(Debug, Default)]
pub struct Report {
    /// How long it took.
    pub took: Duration,
    /// How often each fault was injected.
    pub injected: BTreeMap<Fault, u64>,
    /// Questions by what was going on when they were asked; without a fault: all was well.
    pub tallies: BTreeMap<(Option<Fault>, Kind), Tally>,
    /// The first wrong answers.
    pub wrong: Vec<String>,
    /// The first errors of our zone.
    pub refused: Vec<String>,
    /// Each process that lived long enough.
    pub growth: Vec<Growth>,
}

/// Wrong answers, and errors, that are told of.
const TOLD: usize = 20;

impl Report {
    /// Takes note of a question.
    pub fn count(&mut self, fault: Option<Fault>, kind: Kind, outcome: Outcome) {
        let tally = self.tallies.entry((fault, kind)).or_default();
        tally.asked += 1;
        match outcome {
            Outcome::Right => {}
            Outcome::Refused(why) => {
                tally.refused += 1;
                if kind != Kind::Forwarded && self.refused.len() < TOLD {
                    self.refused.push(format!("{fault:?}: {why}"));
                }
            }
            Outcome::Lost => tally.lost += 1,
            Outcome::Wrong(why) => {
                tally.wrong += 1;
                if self.wrong.len() < TOLD {
                    self.wrong.push(format!("{fault:?}: {why}"));
                }
            }
        }
    }

    /// All questions for which `which` holds, together.
    pub fn sum(&self, which: impl Fn(Option<Fault>, Kind) -> bool) -> Tally {
        let wanted = self.tallies.iter().filter(|((fault, kind), _)| which(*fault, *kind));
        wanted.fold(Tally::default(), |sum, (_, tally)| Tally {
            asked: sum.asked + tally.asked,
            refused: sum.refused + tally.refused,
            lost: sum.lost + tally.lost,
            wrong: sum.wrong + tally.wrong,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.sum(|_, _| true);
        writeln!(f, "{:.0} s, {} questions: {} wrong", self.took.as_secs_f64(), all.asked, all.wrong)?;
        writeln!(
            f,
            "| what went on | times | questions | kind | errors | lost | wrong |\n|---|---|---|---|---|---|---|"
        )?;
        for ((fault, kind), tally) in &self.tallies {
            let what = fault.map_or_else(|| "nothing".to_owned(), |fault| format!("{fault:?}"));
            let times = fault.and_then(|fault| self.injected.get(&fault)).map(u64::to_string).unwrap_or_default();
            let Tally { asked, refused, lost, wrong } = tally;
            writeln!(f, "| {what} | {times} | {asked} | {kind:?} | {refused} | {lost} | {wrong} |")?;
        }
        for Growth { memory, descriptors } in &self.growth {
            let [warm, end] = memory;
            let [few, many] = descriptors;
            writeln!(f, "a process: {warm} KiB warm, {end} KiB at its end; {few} descriptors, {many} at its end")?;
        }
        self.refused.iter().try_for_each(|error| writeln!(f, "error: {error}"))?;
        self.wrong.iter().try_for_each(|wrong| writeln!(f, "wrong: {wrong}"))
    }
}
