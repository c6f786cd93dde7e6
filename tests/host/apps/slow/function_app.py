"""The two queue functions of the sample app, on a host that seldom looks at an idle queue."""

import logging

import azure.functions as func

app = func.FunctionApp()
log = logging.getLogger("sample")


@app.queue_trigger("message", queue_name="%SAMPLE_QUEUE%", connection="AzureWebJobsStorage")
async def work(message: func.QueueMessage) -> None:
    raise RuntimeError(message.get_body().decode())


@app.queue_trigger("message", queue_name="%SAMPLE_QUEUE%-poison", connection="AzureWebJobsStorage")
async def poisoned(message: func.QueueMessage) -> None:
    log.info("poisoned", extra={"body": message.get_body().decode()})
