//! What the columns of a file hold, by the names in its first row.

use wasup_store::records::{FIELD_CHARS, FIELDS_MAX};

use super::SourceError;

/// Names that a column of numbers has where nobody said which it is.
const NUMBER: [&str; 22] = [
    "number",
    "phone",
    "phone number",
    "phonenumber",
    "mobile",
    "mobile number",
    "mobile phone",
    "msisdn",
    "whatsapp",
    "whatsapp number",
    "wa",
    "tel",
    "telephone",
    "cell",
    "cellphone",
    "hp",
    "no hp",
    "nomor",
    "nomor hp",
    "nomor telepon",
    "telefon",
    "celular",
];
const NAME: [&str; 8] = ["name", "full name", "fullname", "contact name", "contact", "nama", "nombre", "nom"];
const TAGS: [&str; 6] = ["tags", "tag", "labels", "label", "groups", "kategori"];

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Column {
    Number,
    Name,
    Tags,
    /// A field of this name.
    Field(String),
    /// Nothing that is taken: it has no name.
    Nothing,
}

/// How names are compared: in small letters, words apart by one space.
fn folded(name: &str) -> String {
    let spaced: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Tells what the columns hold. `named` are the columns of number, name and tags, where somebody said which they are.
pub(super) fn columns(header: &[String], named: &[Option<String>; 3]) -> Result<Vec<Column>, SourceError> {
    let kinds = [Column::Number, Column::Name, Column::Tags];
    let known: [&[&str]; 3] = [&NUMBER, &NAME, &TAGS];
    let folds: Vec<String> = header.iter().map(|name| folded(name)).collect();
    let mut columns = vec![Column::Nothing; header.len()];
    for ((kind, known), named) in kinds.into_iter().zip(known).zip(named) {
        let at =
            match named {
                Some(named) => {
                    let named = folded(named);
                    let at = folds.iter().position(|name| *name == named);
                    Some(at.ok_or_else(|| {
                        SourceError::Unreadable("the file has no column of a name that was given".into())
                    })?)
                }
                None => known.iter().find_map(|known| folds.iter().position(|name| name == known)),
            };
        if let Some(at) = at.filter(|at| columns[*at] == Column::Nothing) {
            columns[at] = kind;
        }
    }
    if !columns.contains(&Column::Number) {
        let why = "no column is called number, phone or alike; say which it is: ?number=<its name in the first row>";
        return Err(SourceError::Unreadable(why.into()));
    }
    let mut fields = Vec::new();
    for (at, name) in header.iter().enumerate().filter(|(_, name)| !name.trim().is_empty()) {
        if columns[at] == Column::Nothing {
            let name: String = name.trim().chars().take(FIELD_CHARS).collect();
            // Of two columns of one name the first counts.
            if !fields.contains(&name) {
                fields.push(name.clone());
                columns[at] = Column::Field(name);
            }
        }
    }
    match fields.len() > FIELDS_MAX {
        true => Err(SourceError::Unreadable(format!(
            "the file has more than {FIELDS_MAX} columns beside number, name and tags"
        ))),
        false => Ok(columns),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(header: &[&str], named: [Option<&str>; 3]) -> Result<Vec<Column>, SourceError> {
        let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
        columns(&header, &named.map(|name| name.map(str::to_owned)))
    }

    fn field(name: &str) -> Column {
        Column::Field(name.to_owned())
    }

    #[test]
    fn columns_are_known_by_their_names() {
        let none = [None, None, None];
        let found = told(&["Name", "Phone_Number", "City", "", "Tags", "City"], none).unwrap();
        assert_eq!(
            found,
            [Column::Name, Column::Number, field("City"), Column::Nothing, Column::Tags, Column::Nothing]
        );
        // The better name counts, wherever it stands.
        assert_eq!(told(&["Mobile", "number"], none).unwrap(), [field("Mobile"), Column::Number]);
        let found = told(&["a", "b", "name"], [Some("B"), Some("a"), None]).unwrap();
        assert_eq!(found, [Column::Name, Column::Number, field("name")]);
        assert!(told(&["a", "b"], none).is_err());
        assert!(told(&["number"], [Some("phone"), None, None]).is_err());
        let many: Vec<String> = (0..65).map(|n| format!("f{n}")).chain(["number".into()]).collect();
        assert!(columns(&many, &[None, None, None]).is_err());
    }
}
