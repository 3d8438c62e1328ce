use crate::Store;
use crate::writes::RecordLlmCall;
use async_trait::async_trait;
use ports::PortError;
use ports::records::{LlmCallRecord, Records};

#[async_trait]
impl Records for Store {
    async fn record_llm_call(&self, call: &LlmCallRecord) -> Result<(), PortError> {
        self.writer.submit(RecordLlmCall(call.clone())).await
    }
}
