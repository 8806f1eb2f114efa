//! Phone numbers as people write them, made into addresses.
//!
//! The rules are libphonenumber's. A text without `+` can be an international number, as WhatsApp itself writes them,
//! or a number of the region: `628111000002` is a mobile of Indonesia and a landline of Germany, `4155552671` a number of
//! San Francisco and a landline of Switzerland. Where both readings are valid, the one that can be a mobile wins, and
//! the international one if both can.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rlibphonenumber::{PHONE_NUMBER_UTIL, ParseError, PhoneNumber, PhoneNumberFormat, PhoneNumberType, Region};
use wasup_store::jid::{Jid, JidKind};
use wasup_store::records::Participant;

/// Longest text that is looked at, in bytes.
const TEXT_MAX: usize = 100;

/// Why a text is no address to send to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// There is nothing in it.
    #[error("the number is empty")]
    Empty,
    /// It holds no phone number.
    #[error("this is not a phone number")]
    NotANumber,
    /// It has an `@` but is no address of the network.
    #[error("this is not an address of the form number@s.whatsapp.net, number@lid or id@g.us")]
    NotAnAddress,
    /// No country has this calling code.
    #[error("no country has this calling code; write the number with its country code, as +62 812 3456 7890")]
    UnknownCountry,
    /// It is in national form and no region says which country.
    #[error("the country is missing; write the number with its country code, as +62 812 3456 7890")]
    NoCountry,
    /// Too few digits for its country.
    #[error("the number is too short for its country")]
    TooShort,
    /// Too many digits for its country.
    #[error("the number is too long for its country")]
    TooLong,
    /// Its country has no such numbers.
    #[error("the number is not valid in its country")]
    NotValid,
    /// The region is not two letters of ISO 3166.
    #[error("the region must be two letters, as ID or DE")]
    UnknownRegion,
}

/// The address that a text means: a phone number in any usual form, or an address of the network. `region` (two
/// letters) is the country of numbers in national form.
///
/// # Errors
/// [`NumberError`]; it never holds the text.
pub fn participant(text: &str, region: Option<&str>) -> Result<Participant, NumberError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(NumberError::Empty);
    }
    if text.len() > TEXT_MAX {
        return Err(NumberError::NotANumber);
    }
    if !text.contains('@') {
        return digits(text, region).map(|digits| of_phone(&digits));
    }
    let jid: Jid = text.parse().map_err(|_| NumberError::NotAnAddress)?;
    match jid.kind() {
        JidKind::Phone => digits(&format!("+{}", jid.user()), None).map(|digits| of_phone(&digits)),
        JidKind::Lid if jid.user().bytes().all(|b| b.is_ascii_digit()) => {
            Ok(Participant { jid: jid.clone(), phone: None, lid: Some(jid) })
        }
        JidKind::Group => Ok(Participant { jid, phone: None, lid: None }),
        _ => Err(NumberError::NotAnAddress),
    }
}

fn of_phone(digits: &str) -> Participant {
    Participant { jid: Jid::phone(digits), phone: Some(digits.to_owned()), lid: None }
}

/// The number's digits, country code first.
///
/// # Errors
/// [`NumberError`]; it never holds the text.
pub fn digits(text: &str, region: Option<&str>) -> Result<String, NumberError> {
    let text = text.trim();
    let region = region.map(|region| region.to_ascii_uppercase().parse::<Region>()).transpose();
    let region = region.map_err(|_| NumberError::UnknownRegion)?;
    if text.starts_with(['+', '\u{ff0b}']) {
        return one(text, region).map(|found| found.digits);
    }
    let plain = text.bytes().filter(u8::is_ascii_digit).count();
    if plain == 0 {
        return Err(if text.is_empty() { NumberError::Empty } else { NumberError::NotANumber });
    }
    let national = region.map(|region| one(text, Some(region)));
    if text.trim_start_matches(['(', ' ']).starts_with('0') {
        return national.unwrap_or(Err(NumberError::NoCountry)).map(|found| found.digits);
    }
    let international = one(&format!("+{text}"), None);
    match (international, national) {
        (Ok(abroad), Some(Ok(here))) if here.can_be_mobile && !abroad.can_be_mobile => Ok(here.digits),
        (Ok(abroad), _) => Ok(abroad.digits),
        // What is neither fails in the words of its region, where one was named: the human meant that one.
        (Err(_), Some(national)) => national.map(|found| found.digits),
        (Err(error), None) => Err(error),
    }
}

/// The country of a number, by its two letters of ISO 3166; `None` where it is none, or no country's.
#[must_use]
pub fn country(digits: &str) -> Option<String> {
    let found = catch_unwind(AssertUnwindSafe(|| {
        let number = PHONE_NUMBER_UTIL.parse(format!("+{digits}"), None).ok()?;
        PHONE_NUMBER_UTIL.get_region_for_number(&number).map(|region| region.as_region_str().to_string())
    }));
    found.ok().flatten()
}

/// A valid number.
struct Found {
    digits: String,
    can_be_mobile: bool,
}

fn one(text: &str, region: Option<Region>) -> Result<Found, NumberError> {
    // The parser is a port of a large body of rules; a text that trips it over is no number, and no crash.
    let parsed = catch_unwind(AssertUnwindSafe(|| {
        let number = PHONE_NUMBER_UTIL.parse(text, region).map_err(|error| refused(&error))?;
        valid(&number)
    }));
    parsed.unwrap_or(Err(NumberError::NotANumber))
}

fn valid(number: &PhoneNumber) -> Result<Found, NumberError> {
    // A number is valid where it is of a type: to ask for both is to look twice.
    let kind = PHONE_NUMBER_UTIL.get_number_type(number);
    if kind == PhoneNumberType::Unknown {
        return Err(NumberError::NotValid);
    }
    let e164 = PHONE_NUMBER_UTIL.format(number, PhoneNumberFormat::E164);
    let digits: String = e164.chars().filter(char::is_ascii_digit).collect();
    let can_be_mobile = matches!(kind, PhoneNumberType::Mobile | PhoneNumberType::FixedLineOrMobile);
    if digits.is_empty() { Err(NumberError::NotValid) } else { Ok(Found { digits, can_be_mobile }) }
}

fn refused(error: &ParseError) -> NumberError {
    match error {
        ParseError::InvalidCountryCode => NumberError::UnknownCountry,
        ParseError::TooShortAfterIdd | ParseError::TooShortNsn => NumberError::TooShort,
        ParseError::TooLongNsn => NumberError::TooLong,
        _ => NumberError::NotANumber,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_in_every_usual_form_are_one_address() {
        for (text, region) in [
            ("6281234567890", None),
            ("+62 812-3456-7890", None),
            ("+62 (812) 3456 7890", None),
            ("  +6281234567890\n", None),
            ("62 812 3456 7890", None),
            ("0812-3456-7890", Some("ID")),
            ("0812 3456 7890", Some("id")),
            ("81234567890", Some("ID")),
            ("6281234567890", Some("ID")),
            ("6281234567890", Some("DE")),
            ("+62 812 3456 7890", Some("DE")),
            ("6281234567890@s.whatsapp.net", None),
            ("6281234567890:12@s.whatsapp.net", None),
            ("6281234567890@c.us", None),
        ] {
            let found = participant(text, region).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(found.jid.as_str(), "6281234567890@s.whatsapp.net", "{text}");
            assert_eq!(found.phone.as_deref(), Some("6281234567890"), "{text}");
            assert_eq!(found.lid, None);
        }
    }

    #[test]
    fn numbers_of_other_countries() {
        for (text, region, expected) in [
            ("030 123456", Some("DE"), "4930123456"),
            ("+49 30 123456", None, "4930123456"),
            ("(415) 555-2671", Some("US"), "14155552671"),
            ("4155552671", Some("US"), "14155552671"),
            ("14155552671", None, "14155552671"),
            // Valid in both readings, a mobile only in one of them.
            ("628111000002", Some("DE"), "628111000002"),
            ("41791234567", Some("US"), "41791234567"),
            // An Italian number keeps its zero.
            ("02 3661 8300", Some("IT"), "390236618300"),
            // A German number that also begins like another country's is the German one where the region says so.
            ("0171 2345678", Some("DE"), "491712345678"),
            ("55 11 96123-4567", None, "5511961234567"),
        ] {
            assert_eq!(digits(text, region).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, region, expected) in [
            ("", None, NumberError::Empty),
            ("   ", None, NumberError::Empty),
            ("hello", None, NumberError::NotANumber),
            ("0812-3456-7890", None, NumberError::NoCountry),
            ("+999 123 456 789", None, NumberError::UnknownCountry),
            ("+62 8", None, NumberError::TooShort),
            ("+62 812 3456 7890 1234 5678 99", None, NumberError::TooLong),
            ("+62 111", None, NumberError::NotValid),
            ("0812", Some("XYZ"), NumberError::UnknownRegion),
            ("a@b@c", None, NumberError::NotAnAddress),
            ("x@example.com", None, NumberError::NotAnAddress),
            ("abc@lid", None, NumberError::NotAnAddress),
            ("123@s.whatsapp.net", None, NumberError::NotValid),
        ] {
            assert_eq!(participant(text, region).unwrap_err(), expected, "{text:?}");
        }
        assert_eq!(participant(&"1".repeat(101), None).unwrap_err(), NumberError::NotANumber);
    }

    #[test]
    fn addresses_that_are_no_phone_stay_what_they_are() {
        let lid = participant("123456789012345@lid", None).unwrap();
        assert_eq!((lid.jid.as_str(), lid.phone), ("123456789012345@lid", None));
        assert_eq!(lid.lid, Some(lid.jid));
        assert_eq!(participant("120363012345678901@g.us", None).unwrap().jid.kind(), JidKind::Group);
    }

    proptest! {
        #[test]
        fn no_text_brings_it_down(text in "\\PC{0,120}", region in proptest::option::of("[A-Za-z]{0,3}")) {
            if let Ok(found) = participant(&text, region.as_deref()) {
                prop_assert!(found.jid.as_str().parse::<Jid>().is_ok());
            }
        }

        #[test]
        fn a_number_is_valid_where_it_is_of_a_type(text in "[+][1-9][0-9]{4,14}") {
            if let Ok(number) = PHONE_NUMBER_UTIL.parse(&text, None) {
                prop_assert_eq!(valid(&number).is_ok(), PHONE_NUMBER_UTIL.is_valid_number(&number));
            }
        }

        #[test]
        fn what_is_accepted_is_canonical(text in "[+]?[0-9 ()./;=a-z-]{0,24}", region in proptest::option::of("ID|DE|US|IT|BR")) {
            if let Ok(found) = digits(&text, region.as_deref()) {
                prop_assert!(found.bytes().all(|b| b.is_ascii_digit()) && (5..=17).contains(&found.len()));
                prop_assert_eq!(digits(&format!("+{found}"), None), Ok(found));
            }
        }
    }
}
