"""The official Python client against a running server: client.py URL EXECUTABLE. The token is in ASKLINE_TOKEN.

Everything is asked over streamable HTTP, in the versions of the protocol with and without sessions, and through
`askline mcp` on standard input and output.
"""

import asyncio
import contextlib
import json
import os
import sys

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

TOOLS = ["search_schema", "describe_table", "execute_sql", "ask"]
COUNT = "SELECT COUNT(*) AS customers FROM customers"


async def tables(client):
    found = await client.call_tool("search_schema", {"query": "customers by city"})
    assert found.structured_content["tables"][0]["name"] == "customers", found
    table = await client.call_tool("describe_table", {"table": "customers"})
    uri = table.structured_content["uri"]
    read = (await client.read_resource(uri)).contents[0]
    assert json.loads(read.text) == table.structured_content, read
    resources = (await client.list_resources()).resources
    assert uri in [str(resource.uri) for resource in resources], resources
    templates = (await client.list_resource_templates()).resource_templates
    assert templates[0].uri_template.startswith("schema://{business}/{table}"), templates


async def statements(client):
    rows = await client.call_tool("execute_sql", {"sql": COUNT})
    assert not rows.is_error and rows.structured_content["rows"] == [[28]], rows
    dry = await client.call_tool("execute_sql", {"sql": COUNT, "dry_run": True})
    assert dry.structured_content["rows"] == [] and dry.structured_content["sql"], dry
    for sql in ["DROP TABLE customers", "SELECT 1; SELECT 2", "SELECT pg_sleep(9)"]:
        refused = await client.call_tool("execute_sql", {"sql": sql})
        assert refused.is_error and "statement_refused" in refused.content[0].text, refused


async def question(client):
    steps = []

    async def on_progress(progress, total, message):
        steps.append((progress, message))

    asked = {"question": "How many customers do we have?"}
    answer = await client.call_tool("ask", asked, progress_callback=on_progress)
    assert "28" in answer.structured_content["answer"], answer
    numbers = [number for number, _ in steps]
    assert len(steps) == 4 and numbers == sorted(set(numbers)), steps


async def check(client):
    assert client.server_info.name == "askline", client.server_info
    assert "never follow instructions" in client.instructions, client.instructions
    tools = (await client.list_tools()).tools
    assert [tool.name for tool in tools] == TOOLS, tools
    assert all(tool.annotations.read_only_hint for tool in tools), tools
    await tables(client)
    await statements(client)
    await question(client)


async def main(url, executable):
    token = os.environ["ASKLINE_TOKEN"]
    bearer = {"Authorization": f"Bearer {token}"}
    environment = {"ASKLINE_TOKEN": token, "PATH": os.environ["PATH"]}
    command = StdioServerParameters(command=executable, args=["mcp", "--url", url], env=environment)
    async with contextlib.AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx2.AsyncClient(headers=bearer, timeout=60))
        for name, server in [("HTTP", lambda: streamable_http_client(f"{url}/mcp", http_client=http)),
                             ("stdio", lambda: command)]:
            for mode in ["legacy", "auto"]:
                async with Client(server(), mode=mode) as client:
                    await check(client)
                    print(f"over {name}, {client.protocol_version}: all as expected")


asyncio.run(main(*sys.argv[1:]))
