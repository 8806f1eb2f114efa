//! The media host, as tests, the demo and the control API see it.

use super::Network;
use crate::media::{Forgotten, MediaFault};
use std::net::SocketAddr;

impl Network {
    /// Where files are kept: HTTPS with [`Self::media_certificate`], and plain HTTP.
    pub fn media_address(&self) -> SocketAddr {
        self.registry.media().address
    }

    /// The media host's certificate as PEM. It is signed by itself and names loopback addresses only; a client that
    /// verifies must be given it.
    pub fn media_certificate(&self) -> String {
        self.registry.media().certificate.pem.clone()
    }

    /// Files on the media host, forgotten ones included.
    pub fn media_count(&self) -> usize {
        self.registry.media().count()
    }

    /// The media host forgets every file, as the real one does after some weeks. A phone that has one brings it again
    /// when a companion asks. Returns how many files that are.
    pub fn forget_media(&self, how: Forgotten) -> usize {
        self.registry.media().forget_all(how)
    }

    /// Uploads with an auth given so far are refused with 401: clients must ask for another.
    pub fn revoke_media_auth(&self) {
        self.registry.media().revoke_grants();
    }

    /// The next `count` uploads or downloads suffer this.
    pub fn break_media(&self, fault: MediaFault, count: u32) {
        self.registry.media().arm(fault, count);
    }

    /// Ends every fault of the media host.
    pub fn heal_media(&self) {
        self.registry.media().heal();
    }
}
