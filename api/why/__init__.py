"""Why an order is where it is: `situation` reads what is known, `explanation` says it. Operators and assistants ask."""
