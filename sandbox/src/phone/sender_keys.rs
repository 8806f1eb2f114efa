//! A phone's keys to messages that many read: its own key of each chat, and those of others.

use super::signal::immediately;
use async_trait::async_trait;
use std::collections::{HashMap, HashSet};
use wacore::libsignal::protocol::{
    ProtocolAddress, SenderKeyDistributionMessage, SenderKeyName, SenderKeyRecord, SenderKeyStore, SignalProtocolError,
    create_sender_key_distribution_message, group_decrypt, group_encrypt, process_sender_key_distribution_message,
};
use wacore_binary::Jid;

type SignalResult<T> = Result<T, SignalProtocolError>;

#[derive(Default)]
struct Records(HashMap<String, SenderKeyRecord>);

/// See the module.
#[derive(Default)]
pub(crate) struct SenderKeys {
    records: Records,
    /// The devices that have the own key of a chat.
    given: HashMap<String, HashSet<ProtocolAddress>>,
}

/// The own key of a chat, for the devices that lack it.
pub(crate) struct Distribution {
    pub(crate) key: Vec<u8>,
    pub(crate) lacking: Vec<ProtocolAddress>,
}

fn name(chat: &Jid, sender: &ProtocolAddress) -> SenderKeyName {
    SenderKeyName::from_parts(&chat.to_string(), sender.as_str())
}

impl SenderKeys {
    /// Takes a sender's key of a chat in.
    pub(crate) fn learn(&mut self, chat: &Jid, sender: &ProtocolAddress, key: &[u8]) -> SignalResult<()> {
        let key = SenderKeyDistributionMessage::try_from(key)?;
        immediately(process_sender_key_distribution_message(&name(chat, sender), &key, &mut self.records))
    }

    pub(crate) fn open(&mut self, chat: &Jid, sender: &ProtocolAddress, sealed: &[u8]) -> SignalResult<Vec<u8>> {
        immediately(group_decrypt(sealed, &mut self.records, &name(chat, sender)))
    }

    /// The own key of a chat and who of its readers lacks it. When somebody who had it does not read the chat any more,
    /// it is a new key and all of them lack it.
    pub(crate) fn distribution(
        &mut self,
        chat: &Jid,
        own: &ProtocolAddress,
        readers: &[ProtocolAddress],
    ) -> SignalResult<Distribution> {
        let given = self.given.entry(chat.to_string()).or_default();
        if given.iter().any(|held| !readers.contains(held)) {
            given.clear();
            self.records.0.remove(name(chat, own).cache_key());
        }
        let lacking = readers.iter().filter(|reader| !given.contains(reader)).cloned().collect();
        let name = name(chat, own);
        let key = immediately(create_sender_key_distribution_message(&name, &mut self.records, &mut rand::rng()))?;
        Ok(Distribution { key: key.serialized().to_vec(), lacking })
    }

    /// This device has got the own key.
    pub(crate) fn give(&mut self, chat: &Jid, reader: ProtocolAddress) {
        self.given.entry(chat.to_string()).or_default().insert(reader);
    }

    /// This device could not read with it.
    pub(crate) fn take_back(&mut self, chat: &Jid, reader: &ProtocolAddress) {
        if let Some(given) = self.given.get_mut(&chat.to_string()) {
            given.remove(reader);
        }
    }

    pub(crate) fn seal(&mut self, chat: &Jid, own: &ProtocolAddress, plain: &[u8]) -> SignalResult<Vec<u8>> {
        let sealed = immediately(group_encrypt(&mut self.records, &name(chat, own), plain, &mut rand::rng()))?;
        Ok(sealed.serialized().to_vec())
    }

    /// The own key of a chat is gone, and who has it is not known to be wrong.
    pub(crate) fn lose_own(&mut self, chat: &Jid, own: &ProtocolAddress) {
        self.records.0.remove(name(chat, own).cache_key());
    }

    /// Forgets everything, as a phone restored from a backup does.
    pub(crate) fn forget_all(&mut self) {
        *self = Self::default();
    }
}

#[async_trait]
impl SenderKeyStore for Records {
    async fn store_sender_key(&mut self, name: &SenderKeyName, record: SenderKeyRecord) -> SignalResult<()> {
        self.0.insert(name.cache_key().to_owned(), record);
        Ok(())
    }

    async fn load_sender_key(&self, name: &SenderKeyName) -> SignalResult<Option<SenderKeyRecord>> {
        Ok(self.0.get(name.cache_key()).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::super::signal::address;
    use super::*;

    #[test]
    fn a_reader_with_the_key_reads_and_whoever_leaves_ends_it() {
        let (mut writer, mut reader) = (SenderKeys::default(), SenderKeys::default());
        let chat = Jid::group("1203");
        let (own, other, third) = (address("1", 0), address("2", 0), address("3", 0));
        let given = writer.distribution(&chat, &own, &[other.clone(), third.clone()]).unwrap();
        assert_eq!(given.lacking.len(), 2);
        reader.learn(&chat, &own, &given.key).unwrap();
        writer.give(&chat, other.clone());
        writer.give(&chat, third);
        let sealed = writer.seal(&chat, &own, b"one").unwrap();
        assert_eq!(reader.open(&chat, &own, &sealed).unwrap(), b"one");
        let again = writer.distribution(&chat, &own, std::slice::from_ref(&other)).unwrap();
        assert_eq!(again.lacking, [other], "one reader is gone, so the key is new");
        let sealed = writer.seal(&chat, &own, b"two").unwrap();
        assert!(reader.open(&chat, &own, &sealed).is_err());
    }
}
