//! Phone numbers as people write them, where only a phone number will do.

use wasup_sessions::number::{digits, participant};

/// The digits of a number, or of an address that is one.
///
/// # Errors
/// What is wrong with it; never the number itself.
pub(crate) fn canonical(text: &str, region: Option<&str>) -> Result<String, String> {
    let text = text.trim();
    if !text.contains('@') {
        return digits(text, region).map_err(|error| error.to_string());
    }
    let found = participant(text, region).map_err(|error| error.to_string())?;
    found.phone.ok_or_else(|| "lists hold phone numbers only".to_owned())
}
