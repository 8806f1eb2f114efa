//! Addresses of the library in our canonical form.

use wacore_binary::{Jid as LibraryJid, Server};
use wasup_store::jid::Jid;
use wasup_store::records::Participant;

/// A user, group or feed without its device. `None` for what our form has no place for.
pub(crate) fn canonical(jid: &LibraryJid) -> Option<Jid> {
    let server = match jid.server {
        // A hosted device is a device of the same human.
        Server::Pn | Server::Hosted | Server::Legacy => "s.whatsapp.net",
        Server::Lid | Server::HostedLid => "lid",
        other => other.as_str(),
    };
    format!("{}@{server}", jid.user).parse().ok()
}

/// Whoever goes by this address, and by the other one where it is known. The LID is the canonical one.
pub(crate) fn participant(jid: &LibraryJid, alt: Option<&LibraryJid>) -> Option<Participant> {
    let jid = canonical(jid)?;
    let alt = alt.and_then(canonical);
    let both = || std::iter::once(&jid).chain(&alt);
    let lid = both().find(|jid| jid.kind() == wasup_store::jid::JidKind::Lid).cloned();
    let phone = both().find_map(Jid::phone_digits).map(str::to_owned);
    Some(Participant { jid: lid.clone().unwrap_or(jid), phone, lid })
}

/// The address to send to: the phone number's where it is known, because the library turns it into the LID where the
/// account uses LIDs, and the LID else.
pub(crate) fn destination(participant: &Participant) -> Option<LibraryJid> {
    match &participant.phone {
        Some(phone) => Jid::phone(phone).as_str().parse().ok(),
        None => participant.jid.as_str().parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_and_hosting_fall_away() {
        for (text, expected) in [
            ("62811:4@s.whatsapp.net", Some("62811@s.whatsapp.net")),
            ("62811:99@hosted", Some("62811@s.whatsapp.net")),
            ("900.1:2@lid", Some("900@lid")),
            ("900:99@hosted.lid", Some("900@lid")),
            ("120363-1@g.us", Some("120363-1@g.us")),
            ("status@broadcast", Some("status@broadcast")),
            ("@s.whatsapp.net", None),
        ] {
            let jid: LibraryJid = text.parse().unwrap();
            assert_eq!(canonical(&jid).map(|j| j.as_str().to_owned()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_send_goes_to_the_number_where_it_is_known() {
        let lid: Jid = "900@lid".parse().unwrap();
        let both = Participant { jid: lid.clone(), phone: Some("62811".into()), lid: Some(lid.clone()) };
        assert_eq!(destination(&both).unwrap().to_string(), "62811@s.whatsapp.net");
        let hidden = Participant { jid: lid.clone(), phone: None, lid: Some(lid) };
        assert_eq!(destination(&hidden).unwrap().to_string(), "900@lid");
    }
}
