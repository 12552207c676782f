"""What only the skill asks of the domain: who may speak, what comes next, how builds compare, single parameters."""
