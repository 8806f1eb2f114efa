//! Chats of a filter, in the form they are compared in.

use wasup_sessions::number::{NumberError, participant};
use wasup_store::jid::{Jid, JidKind};

use super::EndpointError;

/// The addresses that texts mean, each once. `region` is the country of numbers in national form.
pub(super) fn canonical(chats: &[String], region: Option<&str>) -> Result<Vec<String>, EndpointError> {
    let mut found: Vec<String> = Vec::with_capacity(chats.len());
    for (at, text) in chats.iter().enumerate() {
        let chat = one(text, region).map_err(|source| EndpointError::BadChat { at, source })?;
        if !found.contains(&chat) {
            found.push(chat);
        }
    }
    Ok(found)
}

fn one(text: &str, region: Option<&str>) -> Result<String, NumberError> {
    // Nobody can be written to at these, so that the rules for recipients do not know them.
    if let Ok(jid) = text.trim().parse::<Jid>()
        && matches!(jid.kind(), JidKind::Newsletter | JidKind::Broadcast)
    {
        return Ok(jid.to_string());
    }
    participant(text, region).map(|found| found.jid.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_chat_is_one_address() {
        let phone = "6281234567890@s.whatsapp.net";
        for (text, region, expected) in [
            ("6281234567890", None, phone),
            ("+62 812-3456-7890", None, phone),
            ("0812-3456-7890", Some("ID"), phone),
            (" 6281234567890:3@s.whatsapp.net ", None, phone),
            ("6281234567890@c.us", None, phone),
            ("123456789012345@lid", None, "123456789012345@lid"),
            ("123456789012345:7@lid", None, "123456789012345@lid"),
            ("120363041234567890@g.us", None, "120363041234567890@g.us"),
            ("6281234567890-1500000000@g.us", None, "6281234567890-1500000000@g.us"),
            ("120363041234567890@newsletter", None, "120363041234567890@newsletter"),
            ("status@broadcast", None, "status@broadcast"),
        ] {
            assert_eq!(one(text, region).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_chat_is_named_by_its_place() {
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        for (texts, wrong) in [
            (vec!["6281234567890", "0812-3456-7890"], 1),
            (vec![""], 0),
            (vec!["6281234567890", "1@g.us", "somebody@example.com"], 2),
            (vec!["abc@lid"], 0),
        ] {
            let refused = canonical(&list(&texts), None).unwrap_err();
            assert!(matches!(refused, EndpointError::BadChat { at, .. } if at == wrong), "{refused:?}");
        }
        let same = ["+62 812-3456-7890", "6281234567890", "1@g.us"];
        assert_eq!(canonical(&list(&same), None).unwrap(), ["6281234567890@s.whatsapp.net", "1@g.us"]);
    }
}
