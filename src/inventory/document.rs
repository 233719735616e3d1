//! The inventory as a JSON document: what `dump --json` writes and the `fixture` source reads.
