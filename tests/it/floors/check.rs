//! Judging: what each name really means, and whether the house allows it there.

use std::collections::BTreeSet;

use super::source::{Crate, Module, Path, Seen};
use super::{BANNED_METHODS, BANNED_PATHS, CLOCK, CONFINED, FLOORS, PURE, SIDEWAYS, Where};

/// Aliases of aliases that are followed.
const FUEL: u8 = 16;

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// One sentence each, with file and line.
    pub violations: Vec<String>,
    /// Which module uses which.
    pub edges: BTreeSet<(String, String)>,
}

impl Crate {
    /// Checks every rule on every module. `dependencies` are the crates of Cargo.toml, as code spells them.
    pub fn check(&self, dependencies: &BTreeSet<String>) -> Report {
        let mut report = Report::default();
        report.violations.extend(self.faults.iter().map(|(file, fault)| format!("{file} {fault}")));
        for (at, module) in self.modules.iter().filter(|(_, module)| !module.tests) {
            let owner = at.first().map_or("lib", String::as_str);
            let Some(floor) = floor(owner) else {
                report.violations.push(format!("{}: `{owner}` has no floor in tests/it/floors.rs", module.file));
                continue;
            };
            let judge = Judge { krate: self, dependencies, at, owner, floor };
            for (line, seen) in &module.seen {
                for fault in judge.judge(seen, &mut report.edges) {
                    report.violations.push(format!("{}:{line}: {owner} (floor {floor}) {fault}", module.file));
                }
            }
        }
        report.violations.sort();
        report.violations.dedup();
        report
    }
}

/// The floor of a top-level module.
pub fn floor(name: &str) -> Option<u8> {
    FLOORS.iter().position(|modules| modules.contains(&name)).and_then(|floor| u8::try_from(floor).ok())
}

/// The rules, as seen from one module.
struct Judge<'k> {
    krate: &'k Crate,
    dependencies: &'k BTreeSet<String>,
    at: &'k [String],
    owner: &'k str,
    floor: u8,
}

impl Judge<'_> {
    fn judge(&self, seen: &Seen, edges: &mut BTreeSet<(String, String)>) -> Vec<String> {
        match seen {
            Seen::Async if self.floor <= 1 => vec!["is async".to_owned()],
            Seen::Method { name, .. } if self.floor <= 1 && BANNED_METHODS.contains(&name.as_str()) => {
                vec![format!("calls `.{name}()`, which reads a clock")]
            }
            Seen::Async | Seen::Method { .. } => Vec::new(),
            Seen::Build(path) => {
                let built = self.meanings(path, false);
                let foreign = !["snapshot", "updater"].contains(&self.owner);
                let snapshot = built.iter().any(|path| path.join("::") == "crate::snapshot::Snapshot");
                if foreign && snapshot {
                    vec!["builds a snapshot, which only the updater may".to_owned()]
                } else {
                    Vec::new()
                }
            }
            Seen::Import(path) => self.judge_path(path, true, edges),
            Seen::Path(path) => self.judge_path(path, false, edges),
        }
    }

    fn judge_path(&self, raw: &Path, import: bool, edges: &mut BTreeSet<(String, String)>) -> Vec<String> {
        // As written, too: `Instant::now` is banned wherever `Instant` may be from.
        let mut faults: Vec<String> =
            self.judge_ban(raw).map(|why| format!("names `{}`, {why}", raw.join("::"))).into_iter().collect();
        for path in self.meanings(raw, import) {
            let spelt = path.join("::");
            let fault = match path.split_first() {
                Some((root, rest)) if root == "crate" => self.judge_edge(rest, edges),
                Some((root, _)) => self.judge_root(root),
                None => None,
            };
            faults.extend(fault.map(|why| format!("names `{spelt}`, {why}")));
            faults.extend(self.judge_ban(&path).map(|why| format!("names `{spelt}`, {why}")));
        }
        // One is enough to find the line.
        faults.truncate(1);
        faults
    }

    /// May this module use that one?
    fn judge_edge(&self, path: &[String], edges: &mut BTreeSet<(String, String)>) -> Option<String> {
        let Some(target) = path.first() else {
            return (self.owner != "lib").then(|| "the whole crate, and so every floor".to_owned());
        };
        if target == self.owner {
            return None;
        }
        let Some(floor) = floor(target) else {
            return Some("which is on no floor".to_owned());
        };
        edges.insert((self.owner.to_owned(), target.clone()));
        let allowed = floor < self.floor
            || (floor == self.floor && SIDEWAYS.iter().any(|(from, to, _)| *from == self.owner && to == target));
        (!allowed).then(|| format!("which is on floor {floor}"))
    }

    /// May this module use that crate?
    fn judge_root(&self, root: &str) -> Option<String> {
        if self.floor <= 1 && !PURE.contains(&root) {
            return Some("and floors 0 and 1 use only what can neither wait nor read a clock".to_owned());
        }
        let named = |pattern: &str| pattern.strip_suffix('*').map_or(root == pattern, |start| root.starts_with(start));
        let (_, homes) = CONFINED.iter().find(|(pattern, _)| named(pattern))?;
        (!homes.contains(&self.owner)).then(|| format!("which only {} may", homes.join(" and ")))
    }

    /// Is that function or type banned here?
    fn judge_ban(&self, path: &[String]) -> Option<&'static str> {
        let (_, _, why) = BANNED_PATHS.iter().find(|(banned, place, _)| {
            let here = match place {
                Where::UpTo(floor) => self.floor <= *floor,
                Where::AllButTheClock => self.at.join("::") != CLOCK,
            };
            // `…::Instant::now` whatever is in front; everything else from its root on.
            let parts = |text: &str| text.split("::").map(str::to_owned).collect::<Path>();
            here && match banned.strip_prefix("…::") {
                Some(end) => path.ends_with(&parts(end)),
                None => path.starts_with(&parts(banned)),
            }
        })?;
        Some(why)
    }

    fn meanings(&self, raw: &Path, import: bool) -> Vec<Path> {
        let mut found = Vec::new();
        self.resolve(self.at, raw, import, FUEL, &mut found);
        found
    }

    /// Adds to `found` every absolute path that `raw` stands for when written in the module `at`: as written, and with
    /// each alias and re-export on the way replaced.
    fn resolve(&self, at: &[String], raw: &[String], import: bool, fuel: u8, found: &mut Vec<Path>) {
        let (Some((first, rest)), Some(fuel)) = (raw.split_first(), fuel.checked_sub(1)) else {
            return;
        };
        let from = |start: &[String], rest: &[String]| [&["crate".to_owned()], start, rest].concat();
        match first.as_str() {
            "::" => found.push(rest.to_vec()),
            "crate" | "ecs_resolver" => self.follow(from(&[], rest), fuel, found),
            "self" | "super" => {
                let parent = at.split_last().map_or(&[][..], |(_, parent)| parent);
                let start = if first == "self" { at } else { parent };
                match rest.first().map(String::as_str) {
                    Some("super") => self.resolve(start, rest, import, fuel, found),
                    _ => self.resolve_here(start, rest, fuel, found),
                }
            }
            "Self" => {}
            _ => self.resolve_name(at, raw, import, fuel, found),
        }
    }

    fn resolve_here(&self, at: &[String], rest: &[String], fuel: u8, found: &mut Vec<Path>) {
        self.follow([&["crate".to_owned()], at, rest].concat(), fuel, found);
    }

    fn resolve_name(&self, at: &[String], raw: &[String], import: bool, fuel: u8, found: &mut Vec<Path>) {
        let (Some((first, rest)), Some(module)) = (raw.split_first(), self.krate.modules.get(at)) else {
            return;
        };
        if module.children.contains(first) {
            return self.resolve_here(at, raw, fuel, found);
        }
        if let Some(aliases) = module.aliases.get(first) {
            for alias in aliases {
                let meant = [alias.as_slice(), rest].concat();
                // `use tokio::task as tokio`: the path starts at the crate, not at the alias.
                if alias.first() == Some(first) {
                    found.push(meant);
                } else {
                    self.resolve(at, &meant, true, fuel, found);
                }
            }
            return;
        }
        if module.items.contains(first) {
            return;
        }
        for glob in &module.globs {
            self.resolve_in_glob(at, glob, raw, fuel, found);
        }
        if import || self.dependencies.contains(first) {
            found.push(raw.to_vec());
        }
    }

    /// What `raw` means if `glob::*` brings its first segment.
    fn resolve_in_glob(&self, at: &[String], glob: &Path, raw: &[String], fuel: u8, found: &mut Vec<Path>) {
        let mut places = Vec::new();
        self.resolve(at, glob, true, fuel, &mut places);
        for place in places {
            match place.split_first() {
                Some((root, inside)) if root == "crate" => {
                    let there = self.krate.modules.get(inside);
                    if there.is_some_and(|module| module.brings(raw)) {
                        self.follow([&place, raw].concat(), fuel, found);
                    }
                }
                _ => found.push([&place, raw].concat()),
            }
        }
    }

    /// Adds an absolute path in the crate, then what it stands for if a re-export is on the way.
    fn follow(&self, path: Path, fuel: u8, found: &mut Vec<Path>) {
        let rest = path.get(1..).unwrap_or_default().to_vec();
        found.push(path);
        let mut at = 0;
        while let Some(module) = rest.get(..at).and_then(|here| self.krate.modules.get(here)) {
            let (here, there) = rest.split_at(at);
            match there.first() {
                Some(next) if module.children.contains(next) => at += 1,
                Some(next) if module.aliases.contains_key(next) || !module.items.contains(next) => {
                    return self.resolve_name(here, there, false, fuel, found);
                }
                _ => return,
            }
        }
    }
}

impl Module {
    fn brings(&self, path: &[String]) -> bool {
        let first = path.first();
        first.is_some_and(|name| self.children.contains(name) || self.aliases.contains_key(name))
            || !self.globs.is_empty()
    }
}
