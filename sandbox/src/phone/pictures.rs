//! A phone's picture, and those of its groups.

use super::{Phone, PhoneError};
use crate::group::{Act, Refused};
use crate::picture::Picture;

impl Phone {
    /// Shows this picture (JPEG, at most 1 MiB) of the account, or none.
    ///
    /// # Errors
    /// When it is no JPEG, or too large.
    pub fn set_picture(&self, jpeg: Option<&[u8]>) -> Result<(), PhoneError> {
        self.account.person.set_picture(self.hosted(jpeg)?);
        Ok(())
    }

    /// The bytes of the picture that the account shows.
    pub fn picture(&self) -> Option<Vec<u8>> {
        self.registry.media().read(&self.account.person.picture()?.path)
    }

    /// Gives a group this picture, or none.
    ///
    /// # Errors
    /// When this phone may not, or it is no JPEG, or too large.
    pub fn set_group_picture(&self, jid: &str, jpeg: Option<&[u8]>) -> Result<(), PhoneError> {
        self.act(jid, Act::Picture(self.hosted(jpeg)?)).map(drop)
    }

    /// The bytes of a group's picture.
    ///
    /// # Errors
    /// When there is no such group, or the phone is not in it.
    pub fn group_picture(&self, jid: &str) -> Result<Option<Vec<u8>>, PhoneError> {
        let group = self.find_group(jid)?;
        let state = group.state();
        state.role(&self.account).ok_or(Refused::FORBIDDEN)?;
        Ok(state.picture.as_ref().and_then(|picture| self.registry.media().read(&picture.path)))
    }

    fn hosted(&self, jpeg: Option<&[u8]>) -> Result<Option<Picture>, PhoneError> {
        let Some(jpeg) = jpeg else { return Ok(None) };
        Ok(Some(Picture::keep(self.registry.media(), jpeg).ok_or(Refused::NOT_ACCEPTABLE)?))
    }
}
