"""joulewise: measure, compare, cut and report the energy and carbon of machine learning."""
