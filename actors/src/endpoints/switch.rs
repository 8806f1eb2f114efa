//! Endpoints are paused, go on, and are tested.

use wasup_store::id::{EndpointId, EventId};
use wasup_store::records::{Act, Off};
use wasup_store::repo::{endpoint, schema};
use wasup_store::{Durability, WriteTx};

use super::{Endpoint, EndpointError, Endpoints, Tested, visible};
use crate::principal::Principal;

impl Endpoints {
    /// Stops deliveries of an endpoint; its events go on queueing.
    ///
    /// # Errors
    /// [`EndpointError::NotFound`].
    pub async fn pause(&self, principal: &Principal, id: EndpointId) -> Result<Endpoint, EndpointError> {
        self.switch(principal, id, Some(Off::Paused), Act::EndpointPaused(id)).await?;
        self.told(principal, id, "an endpoint was paused");
        self.get(principal, id).await
    }

    /// Lets an endpoint go on that was paused or switched off; what queued is delivered.
    ///
    /// # Errors
    /// [`EndpointError::NotFound`].
    pub async fn resume(&self, principal: &Principal, id: EndpointId) -> Result<Endpoint, EndpointError> {
        self.switch(principal, id, None, Act::EndpointResumed(id)).await?;
        self.ctx.nudges.forgive(id);
        self.ctx.nudges.forgive(id);
        self.told(principal, id, "an endpoint goes on");
        self.get(principal, id).await
    }

    async fn switch(
        &self,
        principal: &Principal,
        id: EndpointId,
        off: Option<Off>,
        act: Act,
    ) -> Result<(), EndpointError> {
        let now_ms = self.ctx.store.now_ms();
        self.alter(principal, id, move |tx, mut record| {
            if record.off == off {
                return Ok(());
            }
            record.off = off;
            Ok(endpoint::put_as(tx, &record, act.clone(), now_ms)?)
        })
        .await
    }

    /// Sends an endpoint an event of its own, the ordinary way. What came of it is in the delivery.
    ///
    /// # Errors
    /// [`EndpointError::NotFound`]; [`EndpointError::Off`] for one whose deliveries are not tried.
    pub async fn test(&self, principal: &Principal, id: EndpointId) -> Result<Tested, EndpointError> {
        let (tenant, now_ms) = (principal.tenant, self.ctx.store.now_ms());
        let write = move |tx: &mut WriteTx<'_>| {
            let record = tx.reading(|tx| visible(tx, tenant, id))?.ok_or(EndpointError::NotFound)?;
            match record.off {
                Some(off) => Err(EndpointError::Off(off)),
                None => endpoint::test(tx, id, now_ms)?.ok_or(EndpointError::NotFound),
            }
        };
        let delivery = self.ctx.store.write_by(principal, Durability::Durable, write).await?;
        let identity = self.ctx.store.read(schema::identity).await?;
        self.ctx.nudges.forgive(id);
        self.told(principal, id, "an endpoint is tested");
        let event = EventId { incarnation: identity.incarnation, position: delivery.position };
        Ok(Tested { delivery, event })
    }
}
