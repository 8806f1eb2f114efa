//! Secrets are replaced, and the old ones go on signing for a while.

use std::fmt;
use std::time::Duration;

use wasup_store::id::{EndpointId, Millis};
use wasup_store::records::{Act, EndpointRecord, RetiredSecret};
use wasup_store::repo::endpoint;

use super::{Endpoint, EndpointError, Endpoints, fit};
use crate::principal::Principal;
use crate::webhook::NewSecret;

/// Most secrets that sign beside the newest one; a further one ends the one whose time is up first.
pub const RETIRED_MAX: usize = 10;

/// A new secret.
#[derive(Clone, Default)]
pub struct Rotation {
    /// The new one, 24 to 64 bytes; drawn where there is none.
    pub secret: Option<Vec<u8>>,
    /// How long the old one still signs; the server's default where there is none.
    pub overlap: Option<Duration>,
}

/// Leaves the secret out.
impl fmt::Debug for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rotation").field("overlap", &self.overlap).finish_non_exhaustive()
    }
}

/// Gives an endpoint a new secret. The one it had signs until a time, if that is to come.
pub(super) fn rotate(record: &mut EndpointRecord, new: &[u8], until_ms: Millis, now_ms: Millis) {
    if record.secret == new {
        return;
    }
    let old = std::mem::replace(&mut record.secret, new.to_vec());
    record.retired.push(RetiredSecret { secret: old, until_ms });
    record.retired.retain(|retired| retired.until_ms > now_ms && retired.secret != new);
    while record.retired.len() > RETIRED_MAX {
        let first = record.retired.iter().enumerate().min_by_key(|(_, retired)| retired.until_ms);
        let Some((at, _)) = first else { return };
        record.retired.remove(at);
    }
}

/// When a secret that is replaced now has ended.
pub(super) fn end(now_ms: Millis, overlap: Duration) -> Millis {
    now_ms.saturating_add(Millis::try_from(overlap.as_millis()).unwrap_or(Millis::MAX))
}

impl Endpoints {
    /// Gives an endpoint a new secret. Answers it where it was drawn; it is never shown again.
    ///
    /// # Errors
    /// [`EndpointError::NotFound`], [`EndpointError::BadSecret`].
    pub async fn rotate_secret(
        &self,
        principal: &Principal,
        id: EndpointId,
        rotation: Rotation,
    ) -> Result<(Endpoint, Option<NewSecret>), EndpointError> {
        fit(rotation.secret.as_ref())?;
        let drawn = rotation.secret.is_none();
        let new = rotation.secret.unwrap_or_else(|| rand::random::<[u8; 32]>().to_vec());
        let shown = drawn.then(|| NewSecret::new(&new));
        let now_ms = self.ctx.store.now_ms();
        let until_ms = end(now_ms, rotation.overlap.unwrap_or(self.ctx.settings.webhooks.secret_overlap));
        self.alter(principal, id, move |tx, mut record| {
            rotate(&mut record, &new, until_ms, now_ms);
            Ok(endpoint::put_as(tx, &record, Act::EndpointSecretRotated(id), now_ms)?)
        })
        .await?;
        self.told(principal, id, "an endpoint has a new secret");
        Ok((self.get(principal, id).await?, shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasup_store::id::AccountNo;

    const NOW: Millis = 1_000;

    fn endpoint(secret: u8, retired: &[(u8, Millis)]) -> EndpointRecord {
        let plain = EndpointRecord::new(EndpointId::new(1, 1), AccountNo(1), "http://a/".into(), vec![secret; 24], 1);
        let retired = retired.iter().map(|(n, until_ms)| RetiredSecret { secret: vec![*n; 24], until_ms: *until_ms });
        EndpointRecord { retired: retired.collect(), ..plain }
    }

    #[test]
    fn old_secrets_sign_until_their_time_is_up() {
        type Retired<'a> = &'a [(u8, Millis)];
        type Line<'a> = ((u8, Retired<'a>), (u8, Millis), Retired<'a>);
        #[rustfmt::skip]
        let table: Vec<Line<'_>> = vec![
            ((1, &[]), (2, NOW + 5), &[(1, NOW + 5)]),
            ((1, &[]), (2, NOW), &[]),
            ((1, &[(9, NOW + 1)]), (2, NOW + 5), &[(9, NOW + 1), (1, NOW + 5)]),
            ((1, &[(9, NOW)]), (2, NOW + 5), &[(1, NOW + 5)]),
            // Back to one that was retired, and to the one there is.
            ((1, &[(9, NOW + 1)]), (9, NOW + 5), &[(1, NOW + 5)]),
            ((1, &[(9, NOW + 1)]), (1, NOW + 5), &[(9, NOW + 1)]),
        ];
        for ((secret, retired), (new, until_ms), expected) in table {
            let mut record = endpoint(secret, retired);
            rotate(&mut record, &[new; 24], until_ms, NOW);
            assert!(record == endpoint(new, expected), "{secret} to {new}");
        }
    }

    #[test]
    fn the_eleventh_ends_the_one_whose_time_is_up_first() {
        let mut record = endpoint(0, &[]);
        for n in 1..=11 {
            rotate(&mut record, &[n; 24], NOW + 100 - Millis::from(n), NOW);
        }
        let left: Vec<u8> = record.retired.iter().map(|retired| retired.secret[0]).collect();
        assert_eq!((record.secret[0], left), (11, (0..=9).collect()));
    }
}
