"""The OpenAPI document of the API: made from the table of parameters, and the schemas of the answers."""
