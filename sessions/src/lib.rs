//! What is spoken: the live link to WhatsApp, its key store on our store, pairing and sends.
//!
//! [`ports`] is all that the rest of the house knows; `link` behind it is the only place that knows the protocol
//! library.

pub mod ports;
