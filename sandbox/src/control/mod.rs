//! placeholder
use crate::{Network, SandboxConfig, StartError};
/// A sandbox.
#[derive(Debug)]
pub struct RunningSandbox { /// net
 pub network: Network }
/// Serve.
pub async fn serve(config: SandboxConfig) -> Result<RunningSandbox, StartError> {
    Ok(RunningSandbox { network: Network::start(config.network).await? })
}
