//! Registration: which records a hosted zone should hold for the services of ECS, and what to change so that it does.
//!
//! Read in this order: [`record`] (record sets, and a zone that was read), [`ownership`] (how we know our own records
//! again), [`desired`] (what ECS wants), [`plan`](mod@plan) (desired against listed: the changes), [`batch`] (changes in requests
//! that Route 53 takes), [`report`] (the plan for people and tools). [`relevance`] says which events ask for all that.
//!
//! Pure. Whatever the zone holds, no change touches a record set that does not carry our ownership record, and nothing
//! is deleted for want of knowledge: a name goes only when ECS has said that its service is gone.

pub mod batch;
pub mod desired;
pub mod ownership;
pub mod plan;
pub mod record;
pub mod relevance;
pub mod report;

pub use batch::{Batch, batches};
pub use desired::{Desired, Wanted};
pub use ownership::Ownership;
pub use plan::{Consent, Evidence, Group, Plan, Reading, Standing, plan};
pub use record::{Kind, Listing};

#[cfg(test)]
pub(crate) mod tests;
