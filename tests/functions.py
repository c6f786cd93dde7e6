"""The app's functions as the platform indexes them: once for each process, as the platform does."""

import function_app

FUNCTIONS = {each.get_function_name(): each for each in function_app.app.get_functions()}
