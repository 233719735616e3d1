//! Markdown taken apart: fenced blocks, tables, code spans.

/// A fenced block, its indentation taken away.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// The word after the fence.
    pub language: String,
    /// What is in it.
    pub lines: Vec<String>,
}

/// A command of a block of `$ command` lines, and what stands below it.
#[derive(Debug, PartialEq, Eq)]
pub struct Transcript {
    /// Without the `$`.
    pub command: String,
    /// Up to the next command or the end of the block.
    pub output: String,
}

impl Block {
    /// All blocks of a document.
    pub fn all(text: &str) -> Vec<Self> {
        let mut blocks = Vec::new();
        let mut open: Option<(usize, Self)> = None;
        for line in text.lines() {
            let indent = line.len() - line.trim_start().len();
            match (open.take(), line.trim_start().strip_prefix("```")) {
                (None, Some(language)) => open = Some((indent, Self { language: language.to_owned(), lines: vec![] })),
                (None, None) => {}
                (Some((_, block)), Some(_)) => blocks.push(block),
                (Some((indent, mut block)), None) => {
                    block.lines.push(line.get(indent..).unwrap_or_default().to_owned());
                    open = Some((indent, block));
                }
            }
        }
        assert!(open.is_none(), "a block without end: {open:?}");
        blocks
    }

    /// Its commands and their output.
    pub fn transcripts(&self) -> Vec<Transcript> {
        let mut transcripts: Vec<Transcript> = Vec::new();
        for line in &self.lines {
            match (line.strip_prefix("$ "), transcripts.last_mut()) {
                (Some(command), _) => {
                    transcripts.push(Transcript { command: command.to_owned(), output: String::new() });
                }
                (None, Some(last)) => last.output.push_str(&format!("{line}\n")),
                (None, None) => panic!("output without a command: {line}"),
            }
        }
        transcripts
    }
}

/// What stands between single backticks, fenced blocks left out.
pub fn code_spans(text: &str) -> Vec<&str> {
    // Fences are three backticks each, so every other piece between them is a block.
    let prose = text.split("```").step_by(2);
    prose.flat_map(|prose| prose.split('`').skip(1).step_by(2)).collect()
}

/// The tables: the lines of each, head and ruler first.
pub fn tables(text: &str) -> Vec<Vec<&str>> {
    let mut tables: Vec<Vec<&str>> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match (line.starts_with("| ") || line.starts_with("|-"), inside) {
            (true, false) => tables.push(vec![line]),
            (true, true) => tables.last_mut().expect("a table is open").push(line),
            (false, _) => {}
        }
        inside = line.starts_with('|');
    }
    tables
}

/// The cells of a line of a table.
pub fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

#[test]
fn markdown_is_taken_apart() {
    let text =
        "`a` b\n\n  ```console\n  $ x\n  y `no`\n\n   z\n  $ w\n  ```\n| h | i |\n|---|---|\n| `c` | d |\n\n| j |\n";
    let blocks = Block::all(text);
    assert_eq!(blocks.len(), 1);
    assert_eq!(blocks[0].language, "console");
    let transcript = |command: &str, output: &str| Transcript { command: command.into(), output: output.into() };
    assert_eq!(blocks[0].transcripts(), [transcript("x", "y `no`\n\n z\n"), transcript("w", "")]);
    assert_eq!(code_spans(text), ["a", "c"]);
    assert_eq!(tables(text), [vec!["| h | i |", "|---|---|", "| `c` | d |"], vec!["| j |"]]);
    assert_eq!(cells("| `c` | d |"), ["`c`", "d"]);
}
