//! Answers on their way to a client.

use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;

use nix::sys::socket::{MsgFlags, send};
use tokio::net::tcp::OwnedWriteHalf;

use crate::dns::framing;

/// Unread answers, in bytes, with which no further question is read.
const ENOUGH: usize = 64 * 1024;
/// Memory, in bytes, that is given back once everything is sent.
const LARGE: usize = 16 * 1024;

/// Answers that the socket has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Output {
    bytes: Vec<u8>,
    sent: usize,
}

impl Output {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether there is so much that the client should read first.
    pub(super) fn is_enough(&self) -> bool {
        self.bytes.len() - self.sent >= ENOUGH
    }

    /// Adds an answer. The encoder makes none that is too long for its length.
    pub(super) fn push(&mut self, message: &[u8]) {
        let fits = framing::append(message, &mut self.bytes);
        debug_assert!(fits, "{} bytes", message.len());
    }

    /// Sends what the socket takes, before the runtime has heard of it. What fails will fail again.
    pub(super) fn begin(&mut self, writer: &OwnedWriteHalf) {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        self.sent = send(writer.as_ref().as_raw_fd(), &self.bytes, flags).unwrap_or(0);
        if self.sent == self.bytes.len() {
            self.clear();
        }
    }

    /// Sends what the socket takes, without waiting.
    pub(super) fn send(&mut self, writer: &OwnedWriteHalf) -> io::Result<()> {
        while let Some(rest) = self.bytes.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match writer.try_write(rest) {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.clear();
        Ok(())
    }

    fn clear(&mut self) {
        self.sent = 0;
        if self.bytes.capacity() > LARGE {
            self.bytes = Vec::new();
        } else {
            self.bytes.clear();
        }
    }
}
