//! From a request's fields to what is sent: every limit is checked here. Pure but for the numbers' rules.

use wasup_sessions::number::digits;
use wasup_store::records::{ContactCard, Content, Degrees, LinkPreview, Location, Participant, Poll};

use super::body::{CardBody, ContactBody, LocationBody, PollBody, PreviewBody, TextBody};
use super::mentions;
use crate::api::problem::FieldError;

/// Most cards of one message.
const CARDS_MAX: usize = 100;
/// Longest vCard, in bytes.
const VCARD_MAX: usize = 32 << 10;

fn wrong<T>(field: &str, message: impl Into<String>) -> Result<T, FieldError> {
    Err(FieldError::new(field, message))
}

fn length(field: &str, text: &str, min: usize, max: usize) -> Result<(), FieldError> {
    if (min..=max).contains(&text.chars().count()) {
        return Ok(());
    }
    wrong(field, format!("must have {min} to {max} characters"))
}

fn at_most(field: &str, text: Option<&String>, max: usize) -> Result<(), FieldError> {
    text.map_or(Ok(()), |text| length(field, text, 0, max))
}

/// A text with its mentions filled in.
pub(super) fn words(field: &str, text: &str, named: &[Participant], max: usize) -> Result<String, FieldError> {
    let filled = mentions::fill(text, named)
        .map_err(|placeholder| FieldError::new(field, format!("{placeholder} means nobody in mentions")))?;
    length(field, &filled, 1, max)?;
    Ok(filled)
}

/// A text.
pub(super) fn text(body: &TextBody, named: &[Participant], max: usize) -> Result<Content, FieldError> {
    let said = words("text", &body.text, named, max)?;
    let preview = body.link_preview.as_ref().map(|shown| preview(shown, &said)).transpose()?;
    Ok(Content::Text { body: said, preview: preview.map(Box::new) })
}

fn preview(body: &PreviewBody, text: &str) -> Result<LinkPreview, FieldError> {
    at_most("link_preview.title", body.title.as_ref(), 500)?;
    at_most("link_preview.description", body.description.as_ref(), 2_000)?;
    let url = match &body.url {
        Some(url) if !url.is_empty() && text.contains(url.as_str()) => url.clone(),
        Some(_) => return wrong("link_preview.url", "does not stand in the text"),
        None => {
            match text.split_whitespace().find(|word| word.starts_with("https://") || word.starts_with("http://")) {
                Some(url) => url.to_owned(),
                None => return wrong("link_preview", "there is no link in the text"),
            }
        }
    };
    Ok(LinkPreview { url, title: body.title.clone(), description: body.description.clone() })
}

/// A place.
pub(super) fn location(body: &LocationBody) -> Result<Content, FieldError> {
    let angle = |field: &str, degrees: f64, most: f64| match Degrees::try_from(degrees) {
        Ok(angle) if degrees.abs() <= most => Ok(angle),
        _ => wrong(field, format!("must be from -{most} to {most}")),
    };
    at_most("name", body.name.as_ref(), 1_000)?;
    at_most("address", body.address.as_ref(), 1_000)?;
    Ok(Content::Location(Location {
        latitude: angle("latitude", body.latitude, 90.0)?,
        longitude: angle("longitude", body.longitude, 180.0)?,
        name: body.name.clone(),
        address: body.address.clone(),
        live: false,
    }))
}

/// Cards.
pub(super) fn contacts(body: &ContactBody, region: Option<&str>) -> Result<Content, FieldError> {
    if body.contacts.is_empty() || body.contacts.len() > CARDS_MAX {
        return wrong("contacts", "must be 1 to 100");
    }
    let cards = body.contacts.iter().enumerate().map(|(n, card)| one_card(n, card, region));
    Ok(Content::Contact { cards: cards.collect::<Result<_, _>>()? })
}

fn one_card(n: usize, body: &CardBody, region: Option<&str>) -> Result<ContactCard, FieldError> {
    let place = |field: &str| format!("contacts[{n}].{field}");
    length(&place("name"), &body.name, 1, 200)?;
    at_most(&place("organization"), body.organization.as_ref(), 200)?;
    let vcard = match (&body.vcard, &body.phone) {
        (Some(vcard), None) if vcard.len() > VCARD_MAX => {
            return wrong(&place("vcard"), "must have at most 32768 bytes");
        }
        (Some(vcard), None) if vcard.trim_start().starts_with("BEGIN:VCARD") => vcard.clone(),
        (Some(_), None) => return wrong(&place("vcard"), "must begin with BEGIN:VCARD"),
        (None, Some(phone)) => {
            let number = digits(phone, region);
            let number = number.map_err(|error| FieldError::new(place("phone"), error.to_string()))?;
            vcard(&body.name, body.organization.as_deref(), &number)
        }
        _ => return wrong(&place("phone"), "give either phone or vcard"),
    };
    Ok(ContactCard { name: body.name.clone(), vcard })
}

/// A card as the network's clients write it: `waid` is what makes the number one to write to.
fn vcard(name: &str, organization: Option<&str>, digits: &str) -> String {
    let name = escaped(name);
    let organization = organization.map(|name| format!("ORG:{};\n", escaped(name))).unwrap_or_default();
    format!(
        "BEGIN:VCARD\nVERSION:3.0\nN:;{name};;;\nFN:{name}\n{organization}TEL;type=CELL;type=VOICE;waid={digits}:+{digits}\nEND:VCARD"
    )
}

/// A text inside of a card (RFC 2426, section 4).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | ',' | ';' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            '\r' => {}
            _ => out.push(letter),
        }
    }
    out
}

/// A poll.
pub(super) fn poll(body: &PollBody) -> Result<Content, FieldError> {
    length("question", &body.question, 1, 255)?;
    if !(2..=12).contains(&body.options.len()) {
        return wrong("options", "must be 2 to 12");
    }
    for (n, option) in body.options.iter().enumerate() {
        length(&format!("options[{n}]"), option, 1, 100)?;
        if body.options[..n].contains(option) {
            return wrong(&format!("options[{n}]"), "is there twice");
        }
    }
    let choices = body.choices.unwrap_or(1);
    if choices as usize > body.options.len() {
        return wrong("choices", "must not be more than there are options");
    }
    Ok(Content::Poll(Poll { question: body.question.clone(), options: body.options.clone(), choices }))
}

/// The answers of a vote, as they stand in the poll.
pub(super) fn votes(asked: &Poll, chosen: &[String]) -> Result<Vec<String>, FieldError> {
    for (n, option) in chosen.iter().enumerate() {
        if !asked.options.contains(option) || chosen[..n].contains(option) {
            return wrong(&format!("options[{n}]"), "is no answer of the poll, or there twice");
        }
    }
    if asked.choices > 0 && chosen.len() > asked.choices as usize {
        return wrong("options", format!("at most {} may be chosen", asked.choices));
    }
    Ok(chosen.to_vec())
}

/// An emoji: one sign as a human sees it, which may be made of several.
pub(super) fn emoji(text: Option<&str>) -> Result<Option<String>, FieldError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.len() > 64 || text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        return wrong("emoji", "must be one emoji");
    }
    Ok(Some(text.to_owned()))
}

/// Times after which the network lets messages disappear, in seconds: a day, a week, ninety days.
const EXPIRATIONS: [u32; 3] = [86_400, 604_800, 7_776_000];

/// After how many seconds it disappears; 0 is never.
pub(super) fn expiration(seconds: Option<u32>) -> Result<Option<u32>, FieldError> {
    match seconds {
        None | Some(0) => Ok(None),
        Some(seconds) if EXPIRATIONS.contains(&seconds) => Ok(Some(seconds)),
        Some(_) => wrong("expiration", "must be 0, 86400, 604800 or 7776000"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field<T: std::fmt::Debug>(checked: Result<T, FieldError>) -> String {
        checked.unwrap_err().field
    }

    #[test]
    fn limits_are_kept() {
        let text_of = |text: &str| TextBody { text: text.into(), link_preview: None };
        assert!(text(&text_of(&"ü".repeat(4_096)), &[], 4_096).is_ok());
        assert_eq!(field(text(&text_of(&"ü".repeat(4_097)), &[], 4_096)), "text");
        assert_eq!(field(text(&text_of(""), &[], 4_096)), "text");
        assert_eq!(field(text(&text_of("{m1}"), &[], 4_096)), "text");
        let place = |latitude, longitude| LocationBody { latitude, longitude, name: None, address: None };
        assert!(location(&place(-90.0, 180.0)).is_ok());
        assert_eq!(field(location(&place(90.1, 0.0))), "latitude");
        assert_eq!(field(location(&place(0.0, f64::NAN))), "longitude");
        let asked = |options: &[&str], choices| PollBody {
            question: "?".into(),
            options: options.iter().map(|option| (*option).into()).collect(),
            choices,
        };
        assert!(poll(&asked(&["a", "b"], Some(0))).is_ok());
        assert_eq!(field(poll(&asked(&["a"], None))), "options");
        assert_eq!(field(poll(&asked(&["a", "a"], None))), "options[1]");
        assert_eq!(field(poll(&asked(&["a", "b"], Some(3)))), "choices");
        for (seconds, fits) in [(None, true), (Some(0), true), (Some(604_800), true), (Some(60), false)] {
            assert_eq!(expiration(seconds).is_ok(), fits);
        }
        for (sign, fits) in [("👍", true), ("👨‍👩‍👧‍👦", true), ("", true), ("a b", false), (&"x".repeat(65), false)]
        {
            assert_eq!(emoji(Some(sign)).is_ok(), fits, "{sign}");
        }
    }

    #[test]
    fn a_preview_is_of_a_link_in_the_text() {
        let body = |text: &str, url: Option<&str>| TextBody {
            text: text.into(),
            link_preview: Some(PreviewBody { url: url.map(Into::into), title: Some("A".into()), description: None }),
        };
        let Ok(Content::Text { preview: Some(found), .. }) = text(&body("see https://a.example/x now", None), &[], 99)
        else {
            panic!("no preview")
        };
        assert_eq!(found.url, "https://a.example/x");
        assert_eq!(field(text(&body("nothing", None), &[], 99)), "link_preview");
        assert_eq!(field(text(&body("see https://a.example", Some("https://b.example")), &[], 99)), "link_preview.url");
    }

    #[test]
    fn a_card_is_made_of_name_and_number() {
        let card = |name: &str, phone: Option<&str>, vcard: Option<&str>| ContactBody {
            contacts: vec![CardBody {
                name: name.into(),
                phone: phone.map(Into::into),
                organization: None,
                vcard: vcard.map(Into::into),
            }],
        };
        let Ok(Content::Contact { cards }) = contacts(&card("Ann; Lee", Some("0812-3456-7890"), None), Some("ID"))
        else {
            panic!("no card")
        };
        assert!(
            cards[0].vcard.contains("FN:Ann\\; Lee\n") && cards[0].vcard.contains("waid=6281234567890:+6281234567890")
        );
        assert!(contacts(&card("Ann", None, Some("BEGIN:VCARD\nEND:VCARD")), None).is_ok());
        assert_eq!(field(contacts(&card("Ann", None, None), None)), "contacts[0].phone");
        assert_eq!(field(contacts(&card("Ann", Some("x"), None), None)), "contacts[0].phone");
        assert_eq!(field(contacts(&card("Ann", None, Some("hello")), None)), "contacts[0].vcard");
    }

    #[test]
    fn votes_are_answers_of_the_poll() {
        let asked = Poll { question: "?".into(), options: vec!["a".into(), "b".into()], choices: 1 };
        assert_eq!(votes(&asked, &["b".into()]).unwrap(), ["b"]);
        assert!(votes(&asked, &[]).unwrap().is_empty());
        assert_eq!(field(votes(&asked, &["c".into()])), "options[0]");
        assert_eq!(field(votes(&asked, &["a".into(), "b".into()])), "options");
    }
}
