//! The queue that brings events: how it comes to be, whose it is, and how it goes.

pub mod ports;
