"""All tools, in the order in which agents see them."""

from fgm.agents.tools import compare, events, find, metrics, nodes_tool, processes, series, what_changed, what_happened
from fgm.agents.tools.tool import Tool

TOOLS: tuple[Tool, ...] = tuple(
    module.TOOL
    for module in (what_happened, what_changed, compare, find, series, processes, events, metrics, nodes_tool)
)
