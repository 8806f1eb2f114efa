//! A human or a chat.

use serde::Serialize;
use utoipa::ToSchema;
use wasup_store::jid::{Jid, JidKind};
use wasup_store::records::Participant;

/// A human or a chat, by every address that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PersonView {
    /// Phone number in E.164 without `+`, where it is known.
    #[schema(examples("6281234567890"))]
    pub phone: Option<String>,
    /// Address: by the phone number where it is known.
    #[schema(examples("6281234567890@s.whatsapp.net"))]
    pub jid: String,
    /// Address by the network's own number, where it is known.
    #[schema(examples("123456789012345@lid"))]
    pub lid: Option<String>,
}

impl From<&Participant> for PersonView {
    fn from(who: &Participant) -> Self {
        let phone = who.phone.clone().or_else(|| who.jid.phone_digits().map(str::to_owned));
        let jid = phone.as_deref().map_or_else(|| who.jid.clone(), Jid::phone);
        let lid = who.lid.clone().or_else(|| (who.jid.kind() == JidKind::Lid).then(|| who.jid.clone()));
        Self { phone, jid: jid.to_string(), lid: lid.map(|lid| lid.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phone_number_comes_first() {
        let lid: Jid = "99@lid".parse().unwrap();
        for (jid, phone, lid, expected) in [
            ("99@lid", Some("628"), Some(lid.clone()), (Some("628"), "628@s.whatsapp.net", Some("99@lid"))),
            ("99@lid", None, None, (None, "99@lid", Some("99@lid"))),
            ("628@s.whatsapp.net", None, None, (Some("628"), "628@s.whatsapp.net", None)),
            ("1-2@g.us", None, None, (None, "1-2@g.us", None)),
        ] {
            let view =
                PersonView::from(&Participant { jid: jid.parse().unwrap(), phone: phone.map(str::to_owned), lid });
            assert_eq!((view.phone.as_deref(), view.jid.as_str(), view.lid.as_deref()), expected);
        }
    }
}
