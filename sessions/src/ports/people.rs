//! What a link can be asked about people: who has the app, their pictures, whether they are there.

use async_trait::async_trait;

use super::NoNetwork;

/// Questions about people. Each ends within the link's query timeout.
#[async_trait]
pub trait PeopleCalls: Send + Sync {}

#[async_trait]
impl PeopleCalls for NoNetwork {}
