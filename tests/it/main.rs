//! The one integration binary: one module a promise.

mod scripts;
