"""`fgm mcp`: what was recorded, as tools that an agent calls through the Model Context Protocol."""
