//! Placeholders of mentions in a text: `{m1}`, `{mention1}`, `{mention[0]}` and `{mentions}`. Pure.

use wasup_store::records::Participant;

/// How a human stands in a text: `@` and the number.
fn shown(who: &Participant) -> String {
    format!("@{}", who.phone.as_deref().unwrap_or_else(|| who.jid.user()))
}

/// The text with each placeholder in it replaced by the `@number` of the human whom it means. Numbers count from 1, and in
/// brackets from 0. What is no placeholder stays as it is.
///
/// # Errors
/// The placeholder that means nobody of the list.
pub(super) fn fill(text: &str, mentions: &[Participant]) -> Result<String, String> {
    let (mut filled, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('{') {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find('}').map(|end| end + 1);
        match end.and_then(|end| Some((end, meaning(&rest[1..end - 1])?))) {
            Some((end, meaning)) => {
                let said = match meaning {
                    Meaning::All => Some(mentions.iter().map(shown).collect::<Vec<_>>().join(" ")),
                    Meaning::One(n) => n.and_then(|n| mentions.get(n)).map(shown),
                };
                filled.push_str(&said.ok_or_else(|| rest[..end].to_owned())?);
                rest = &rest[end..];
            }
            None => {
                filled.push('{');
                rest = &rest[1..];
            }
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

enum Meaning {
    All,
    /// The place in the list; `None` where no list has it.
    One(Option<usize>),
}

fn meaning(inside: &str) -> Option<Meaning> {
    if inside == "mentions" {
        return Some(Meaning::All);
    }
    if let Some(n) = inside.strip_prefix("mention[").and_then(|rest| rest.strip_suffix(']')) {
        return number(n).map(Meaning::One);
    }
    let n = inside.strip_prefix("mention").or_else(|| inside.strip_prefix('m'))?;
    number(n).map(|n| Meaning::One(n.and_then(|n| n.checked_sub(1))))
}

/// A number of digits only; too large ones are no place in any list.
fn number(text: &str) -> Option<Option<usize>> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasup_store::jid::Jid;

    #[test]
    fn each_form_means_its_human() {
        let phone = |digits: &str| Participant { jid: Jid::phone(digits), phone: Some(digits.into()), lid: None };
        let lid: Jid = "900@lid".parse().unwrap();
        let people = [phone("62811"), phone("62822"), Participant { jid: lid.clone(), phone: None, lid: Some(lid) }];
        for (text, expected) in [
            ("Hi {m1}!", Ok("Hi @62811!")),
            ("{mention2} and {m3}", Ok("@62822 and @900")),
            ("{mention[0]}{mention[2]}", Ok("@62811@900")),
            ("all: {mentions}.", Ok("all: @62811 @62822 @900.")),
            ("{m1} {m1}", Ok("@62811 @62811")),
            ("{{m1}}", Ok("{@62811}")),
            ("none {} {x} {mother} {m} {m-1} {mention[]} {m1", Ok("none {} {x} {mother} {m} {m-1} {mention[]} {m1")),
            ("ünï {m2} ☃", Ok("ünï @62822 ☃")),
            ("{m4}", Err("{m4}")),
            ("{m0}", Err("{m0}")),
            ("{mention[3]}", Err("{mention[3]}")),
            ("{m99999999999999999999999}", Err("{m99999999999999999999999}")),
        ] {
            assert_eq!(fill(text, &people).as_deref().map_err(String::as_str), expected, "{text}");
        }
        assert_eq!(fill("{mentions}", &[]).as_deref(), Ok(""));
    }
}
