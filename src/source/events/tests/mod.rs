//! The event source: what events mean, and the whole of it on a scripted queue and a scripted AWS.

mod history;
mod leaving;
mod meaning;
mod model;
mod rig;
mod work;
