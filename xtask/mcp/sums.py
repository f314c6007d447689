"""A server on the protocol's SDK for Python, for `cargo xtask foreign --mcp`."""

from mcp.server.mcpserver import Context, MCPServer
from mcp.types import ToolAnnotations
from pydantic import BaseModel


class Sum(BaseModel):
    sum: int


server = MCPServer("sums")


@server.tool(annotations=ToolAnnotations(readOnlyHint=True))
def add(a: int, b: int) -> Sum:
    """Adds two numbers."""
    return Sum(sum=a + b)


@server.tool()
def broken() -> str:
    """Always fails."""
    raise ValueError("no number is there")


@server.tool()
async def slow(ctx: Context) -> str:
    """Reports progress."""
    for step in (1, 2):
        await ctx.report_progress(step, 2, f"step {step}")
    return "done"


server.run()
