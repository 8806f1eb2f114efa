//! A human whom an account knows.

use serde::Serialize;
use utoipa::ToSchema;
use wasup_actors::Contact;

use super::PersonView;

/// A human whom an account knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = KnownContact)]
pub struct KnownView {
    /// Their id here, which stays when more addresses become known.
    #[schema(examples("con_0000000g00001"))]
    pub id: String,
    /// Their addresses.
    #[serde(flatten)]
    pub who: PersonView,
    /// What the account's address book calls them.
    pub name: Option<String>,
    /// The name that they show.
    pub push_name: Option<String>,
    /// The id of the chat with them, where there is one.
    pub chat: Option<String>,
}

impl From<&Contact> for KnownView {
    fn from(contact: &Contact) -> Self {
        Self {
            id: contact.id.to_string(),
            who: PersonView::from(&contact.line.who),
            name: contact.line.name.clone(),
            push_name: contact.line.push_name.clone(),
            chat: contact.chat.map(|chat| chat.to_string()),
        }
    }
}
