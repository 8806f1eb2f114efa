//! All accounts: the supervisor over their actors, and the use cases.

mod answers;
mod change;
mod code;
mod declare;
mod exits;
mod handle;
mod leaves;
mod looks;
mod qr;
mod starts;
mod stops;
mod supervisor;
mod timeline;
mod verbs;

pub(crate) use answers::BUSY;
pub use answers::{AccountError, NewAccount, PairingCodeAnswer, PhaseCounts, QrAnswer};
pub use change::{Effect, Effects, Setting};
pub use declare::{DeclaredAccount, Outcome};
pub use handle::{ASKS_MAX, Accounts};
pub(crate) use supervisor::{AccountsSupervisor, SupervisorMsg};

#[cfg(any(test, feature = "fault-injection"))]
pub use fault::Fault;

#[cfg(any(test, feature = "fault-injection"))]
mod fault {
    use crate::supervision::Crash;

    /// A way to break an account's actor, for tests.
    #[doc(hidden)]
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Fault {
        /// It panics.
        Panic,
        /// It never answers again.
        Hang,
    }

    impl Fault {
        pub(crate) async fn strike(self) -> Result<(), Crash> {
            match self {
                Self::Panic => panic!("a fault was asked for"),
                Self::Hang => std::future::pending().await,
            }
        }
    }
}
