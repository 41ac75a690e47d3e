"""What every stage script shares: declared parameters, errors in one line, an orderly end."""
