//! Files that are read whole or not at all, and replaced whole or not at all.
//!
//! A new file is written beside the old one, brought to the disk, and put in its place; whenever the power goes, there
//! is one of the two. These calls wait for the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use sha2::{Digest, Sha256};

use super::envelope::{self, Kind};
use super::refusal::Refusal;
use crate::ecs::Timestamp;

/// Largest file that is written or read, in bytes: an inventory of some 300,000 tasks, twice what is known by default.
pub const MOST: u64 = 256 << 20;

/// What the file at `path` keeps; `None` if there is none.
///
/// # Errors
/// [`Refusal`] unless it is a regular file that is whole, of this kind, and of a format that this version reads.
pub fn read(path: &Path, kind: Kind) -> Result<Option<Vec<u8>>, Refusal> {
    let Some(mut file) = open(path)? else { return Ok(None) };
    let meta = file.metadata().map_err(Refusal::Unreadable)?;
    if !meta.is_file() {
        return Err(Refusal::NotAFile);
    }
    if meta.len() > MOST {
        return Err(Refusal::TooLarge { size: meta.len(), most: MOST });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or_default());
    // It may grow while it is read.
    Read::take(&mut file, MOST + 1).read_to_end(&mut bytes).map_err(Refusal::Unreadable)?;
    let start = bytes.len() - envelope::open(kind, &bytes)?.len();
    bytes.drain(..start);
    Ok(Some(bytes))
}

/// Opens without waiting for the other end of a pipe and without following a link.
fn open(path: &Path) -> Result<Option<File>, Refusal> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    match OpenOptions::new().read(true).custom_flags(flags.bits()).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let odd = fs::symlink_metadata(path).is_ok_and(|meta| !meta.is_file());
            Err(if odd { Refusal::NotAFile } else { Refusal::Unreadable(error) })
        }
    }
}

/// Puts a file with what `content` writes in the place of the one at `path`, and returns its size.
///
/// # Errors
/// When the disk is full, nobody may write there, or it would be larger than can be read again. What was at `path` stays
/// as it was, and nothing else remains.
pub fn write(
    path: &Path,
    kind: Kind,
    now: Timestamp,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<u64> {
    write_within(path, kind, now, MOST, content)
}

/// [`write`] of a file of at most so many bytes.
fn write_within(
    path: &Path,
    kind: Kind,
    now: Timestamp,
    most: u64,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<u64> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = beside(path, &format!("{}.tmp", std::process::id()));
    let written = write_new(&temporary, kind, now, most, content).and_then(|size| {
        fs::rename(&temporary, path)?;
        File::open(folder)?.sync_all()?;
        Ok(size)
    });
    if written.is_err() {
        // It may not have been made.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_new(
    path: &Path,
    kind: Kind,
    now: Timestamp,
    most: u64,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<u64> {
    let file = create(path)?;
    let line = envelope::first_line(kind, 0, "");
    let room = most.saturating_sub(line.len() as u64);
    let mut sealing = Sealing { file: BufWriter::new(file), digest: Sha256::new(), length: 0, room };
    sealing.file.write_all(line.as_bytes())?;
    sealing.write_all(envelope::written(now).as_bytes())?;
    content(&mut sealing)?;
    let Sealing { file, digest, length, .. } = sealing;
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(envelope::first_line(kind, length, &envelope::checksum(digest)).as_bytes())?;
    file.sync_all()?;
    Ok(length + line.len() as u64)
}

/// A file of our own at `path`: what lies there, of a writer that was killed or of somebody who means ill, is neither
/// followed nor written to.
fn create(path: &Path) -> io::Result<File> {
    let new = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match new() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            new()
        }
        created => created,
    }
}

/// Removes what writers that were killed have left beside the file at `path`.
pub fn sweep(path: &Path) {
    let Some(folder) = path.parent() else { return };
    let prefix = beside(path, "");
    let Ok(entries) = fs::read_dir(folder) else { return };
    for left in entries.flatten().map(|entry| entry.path()) {
        let name = left.file_name().unwrap_or_default().as_encoded_bytes();
        let is_one = name.starts_with(prefix.file_name().unwrap_or_default().as_encoded_bytes());
        if is_one && name.ends_with(b".tmp") {
            // Who cannot remove it cannot write either, and hears of that.
            let _ = fs::remove_file(left);
        }
    }
}

/// `.inventory.<end>` beside `inventory`.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".");
    name.push(end);
    path.with_file_name(name)
}

/// A writer that knows what it has written.
struct Sealing {
    file: BufWriter<File>,
    digest: Sha256,
    length: u64,
    /// The most that may be written.
    room: u64,
}

impl Write for Sealing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.length + bytes.len() as u64 > self.room {
            let what = format!("it would have more than {} bytes, which is more than is read again", self.room);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
        }
        let written = self.file.write(bytes)?;
        self.digest.update(bytes.get(..written).unwrap_or_default());
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests;
