//! A device that came back from a backup. Its former life may have gone on after the backup was made: one-time keys with
//! the next numbers may be out there, and the server may hand out a signed key that nobody has any more.

use wacore::store::Device;
use wasup_store::repo::wa::{self, WaKind, WaScope};
use wasup_store::{Durability, Store, StoreError, Tree};

/// How far the numbers of one-time keys leap: further than a former life can have come.
const LEAP: u32 = 1 << 20;

/// Numbers of one-time keys have 24 bits, and 0 is none.
const NUMBERS: u32 = (1 << 24) - 1;

/// The next number after a leap.
const fn leap(next: u32) -> u32 {
    let next = if next == 0 { 1 } else { next };
    (next - 1 + LEAP) % NUMBERS + 1
}

/// Makes the device of a link ready for its first connection after a restore: one-time keys with numbers that were never
/// given out are made and uploaded, and the signed key is changed. Sessions and old one-time keys have to be gone.
///
/// # Errors
/// [`StoreError`] when the device's row can't be read or written.
pub async fn renew(store: Store, scope: WaScope) -> Result<(), StoreError> {
    store
        .write(Durability::Durable, move |tx| {
            wa::fence(tx, scope)?;
            let key = wa::key(scope, WaKind::Device);
            let Some(mut device) = tx.record::<Device>(Tree::Wa, &key)? else { return Ok(()) };
            renewed(&mut device);
            tx.put_record(Tree::Wa, &key, &device)
        })
        .await
}

fn renewed(device: &mut Device) {
    device.next_pre_key_id = leap(device.next_pre_key_id);
    device.first_unupload_pre_key_id = device.next_pre_key_id;
    // The library uploads new keys at a login without this.
    device.server_has_prekeys = false;
    // The beginning of time: the library changes the key at the next login. 0 would mean that it just did.
    device.last_signed_pre_key_rotation_ms = 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_leap_within_their_bits() {
        for (next, expected) in
            [(1, 1 + LEAP), (0, 1 + LEAP), (813, 813 + LEAP), (NUMBERS, LEAP), (NUMBERS - LEAP, NUMBERS)]
        {
            assert_eq!(leap(next), expected);
        }
    }

    #[test]
    fn a_renewed_device_uploads_and_rotates() {
        let mut device = Device::new();
        (device.server_has_prekeys, device.next_pre_key_id) = (true, 900);
        let keys = device.identity_key.clone();
        renewed(&mut device);
        assert_eq!((device.next_pre_key_id, device.first_unupload_pre_key_id), (900 + LEAP, 900 + LEAP));
        assert!(!device.server_has_prekeys && device.last_signed_pre_key_rotation_ms == 1);
        assert_eq!(device.identity_key.public_key, keys.public_key);
    }
}
