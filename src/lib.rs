//! `ecs-resolver`: a local DNS resolver and discovery proxy for Amazon ECS container instances.
pub mod dns;
pub mod ecs;
