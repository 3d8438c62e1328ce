//! What connections over TLS have in common: the files that say whom to trust, and what a failed handshake means.
//!
//! Architecture invariant: certificate and host name are verified by the drivers; nothing in here can turn that off.

mod explain;
mod files;

pub use explain::{Advice, explain};
pub use files::{Client, FileError, Files, Material, authorities, key};

/// Sees to it that every driver of this process takes the same implementation of TLS.
pub fn install_provider() {
    // An error says that there is one already, which is as good.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
}
